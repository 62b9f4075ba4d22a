"""Saved views: kept by name for oneself or for all, and turned into one statement."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    FieldError,
    Forbidden,
    NotFound,
    Platform,
    Unprocessable,
    compile_condition,
    sql_condition,
)
from dxp.api import gettext as _
from dxp_crm.models import PERSON, Customer, DefaultView, SavedView, Segment
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.definitions import DefinitionService
from dxp_crm.services.listing import CustomerFilter
from dxp_crm.services.segments import Segments
from dxp_crm.services.segments.looking import Preview
from dxp_crm.services.sorting import NEWEST_FIRST, Keys, sort_keys
from dxp_crm.services.visibility import BUILT_IN, FieldAccess, Visibility


@dataclass(frozen=True, kw_only=True)
class ViewDraft:
    """A view as staff write it."""

    name: str
    shared: bool
    text: str
    condition: Mapping[str, Any]
    columns: Sequence[str]
    sort: str = NEWEST_FIRST


class ViewService:
    """The only writer of saved views."""

    def __init__(
        self,
        platform: Platform,
        customers: CustomerService,
        *,
        definitions: DefinitionService,
        segments: Segments,
        visibility: Visibility,
    ) -> None:
        self._platform = platform
        self._customers = customers
        self._definitions = definitions
        self._segments = segments
        self._visibility = visibility

    def listed(self, actor: Actor) -> Select[SavedView]:
        """The views that the actor made or that are shared, not yet sorted."""
        return select(SavedView).where(
            or_(SavedView.owner_key == actor.key, SavedView.shared.is_(True))
        )

    def get(self, session: Session, actor: Actor, view_id: uuid.UUID) -> SavedView:
        """One view.

        Raises:
            NotFound: there is none, or it is somebody else's own (`unknown_view`).
        """
        view = session.scalar(self.listed(actor).where(SavedView.id == view_id))
        if view is None:
            raise NotFound(
                "There is no such view, or its owner keeps it for themselves; look at the list",
                code="unknown_view",
            )
        return view

    def save(
        self, session: Session, actor: Actor, draft: ViewDraft, *, view_id: uuid.UUID | None = None
    ) -> SavedView:
        """Make a view, or change one's own.

        Raises:
            Forbidden: it is somebody else's (`not_own_view`), or asks for a hidden field.
            Unprocessable: the condition cannot be used (`invalid_condition`), or a column is
                unknown (`invalid_view`).
        """
        access = self._visibility.of(session, actor)
        known = self.columns(session, access)
        columns = [name for name in known if name in draft.columns]
        if not columns:
            raise Unprocessable(
                "The view was not saved, because it has no column; choose one at least",
                code="invalid_view",
                errors=[
                    FieldError(
                        pointer="/columns", code="required", detail=_("Choose one at least.")
                    )
                ],
            )
        self._narrow(session, actor, draft.condition)
        if draft.sort.removeprefix("-") not in known:
            raise Unprocessable(
                "The view was not saved, because it is sorted by no column that there is; choose "
                "another order",
                code="invalid_view",
                errors=[
                    FieldError(pointer="/sort", code="unknown", detail=_("Choose another order."))
                ],
            )
        if view_id is None:
            view = SavedView(
                owner_key=actor.key,
                owner_label=actor.label[:200],
                created_at=self._platform.clock.now(),
            )
            before = None
        else:
            view = self._own(session, actor, view_id)
            before = view.snapshot()
        view.name, view.shared, view.text = draft.name, draft.shared, draft.text
        view.condition, view.columns = dict(draft.condition), columns
        view.sort = draft.sort
        session.add(view)
        session.flush()
        self._audit(session, actor, view, "saved", before=before, after=view.snapshot())
        return view

    def delete(self, session: Session, actor: Actor, view_id: uuid.UUID) -> None:
        """Forget one's own view.

        Raises:
            Forbidden: it is somebody else's (`not_own_view`).
        """
        view = self._own(session, actor, view_id)
        self._audit(session, actor, view, "deleted", before=view.snapshot(), after=None)
        session.delete(view)
        session.flush()

    def default_of(self, session: Session, actor: Actor) -> SavedView | None:
        """The view with which the actor begins, as long as they may still see it."""
        chosen = select(DefaultView.view_id).where(DefaultView.owner_key == actor.key)
        return session.scalar(self.listed(actor).where(SavedView.id.in_(chosen)))

    def set_default(self, session: Session, actor: Actor, view_id: uuid.UUID | None) -> None:
        """Begin with a view from now on; None: with all customers.

        Raises:
            NotFound: there is none, or it is somebody else's own (`unknown_view`).
        """
        session.execute(delete(DefaultView).where(DefaultView.owner_key == actor.key))
        if view_id is not None:
            view = self.get(session, actor, view_id)
            session.add(DefaultView(owner_key=actor.key, view_id=view.id))
        session.flush()

    def preview(
        self, session: Session, actor: Actor, condition: Mapping[str, Any], *, text: str
    ) -> Preview:
        """Who would be in a view, at a bounded cost.

        Raises:
            Forbidden: the condition asks for a hidden field (`field_restricted`).
            Unprocessable: the condition cannot be used in a view (`invalid_condition`).
        """
        access = self._visibility.of(session, actor)
        self._narrow(session, actor, condition)
        found = self._customers.matching(session, CustomerFilter(text=text), access).whereclause
        also = [] if found is None else [found]
        return self._segments.looking.preview(session, condition, also=also)

    def keys(self, session: Session, sort: str, access: FieldAccess) -> Keys:
        """By what a list is sorted.

        Raises:
            Forbidden: it is a hidden column (`field_restricted`).
        """
        definitions = self._definitions.listed(session, PERSON)
        return sort_keys(sort, access, definitions, dialect=session.get_bind().dialect.name)

    def columns(self, session: Session, access: FieldAccess) -> list[str]:
        """What a view may show to who has `access`."""
        custom = [f"fields.{item.key}" for item in self._definitions.listed(session, PERSON)]
        shown = [name for name in (*BUILT_IN[PERSON], *custom) if access.sees(name)]
        return [*shown, "created_at"]

    def matching(
        self, session: Session, actor: Actor, view: SavedView, access: FieldAccess
    ) -> Select[Customer]:
        """The view's customers as the database finds them, not yet sorted.

        Raises:
            Forbidden: the view asks for a field that is hidden from who reads
                (`field_restricted`).
        """
        query = self._customers.matching(session, CustomerFilter(text=view.text), access)
        return query.where(self._narrow(session, actor, view.condition))

    def _narrow(self, session: Session, actor: Actor, source: Mapping[str, Any]) -> Any:
        condition = compile_condition(source, events=True)
        known = dict.fromkeys(session.scalars(select(Segment.key)))
        self._segments.catalogue.check(session, condition, known=known)
        self._visibility.check_condition(session, actor, condition)
        now = self._platform.clock.now()
        found = sql_condition(condition, self._segments.people.source(session, now))
        if not found.exact:
            raise Unprocessable(
                "The condition cannot be used in a view, because the database alone cannot answer "
                "it; make a segment of it, and ask for the segment here",
                code="invalid_condition",
                errors=[
                    FieldError(
                        pointer="/condition",
                        code="not_in_views",
                        detail=_("Make a segment of it, and ask for the segment here."),
                    )
                ],
            )
        return found.expression

    def _own(self, session: Session, actor: Actor, view_id: uuid.UUID) -> SavedView:
        view = self.get(session, actor, view_id)
        if view.owner_key != actor.key:
            raise Forbidden(
                f"The view belongs to {view.owner_label}; save one of your own instead",
                code="not_own_view",
            )
        return view

    def _audit(
        self, session: Session, actor: Actor, view: SavedView, what: str, **sides: Any
    ) -> None:
        self._platform.audit.record(
            session,
            actor,
            action=f"crm.view.{what}",
            object_type="crm.view",
            object_id=view.id,
            **sides,
        )
