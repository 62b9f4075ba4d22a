"""Saved views: kept by name for oneself or for all, and turned into one statement."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from dxp.api import (
    Actor,
    Condition,
    FieldError,
    Forbidden,
    NotFound,
    Platform,
    Unprocessable,
    compile_condition,
    sql_condition,
)
from dxp.api import gettext as _
from dxp_crm.models import PERSON, Customer, SavedView, Segment
from dxp_crm.services.customers import CustomerService
from dxp_crm.services.definitions import DefinitionService
from dxp_crm.services.listing import CustomerFilter
from dxp_crm.services.segments import Segments
from dxp_crm.services.visibility import BUILT_IN, FieldAccess, Visibility

_OWN = "crm."


@dataclass(frozen=True, kw_only=True)
class ViewDraft:
    """A view as staff write it."""

    name: str
    shared: bool
    text: str
    condition: Mapping[str, Any]
    columns: Sequence[str]
    newest_first: bool


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
        self._narrow(session, draft.condition, access)
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
        view.newest_first = draft.newest_first
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

    def columns(self, session: Session, access: FieldAccess) -> list[str]:
        """What a view may show to who has `access`."""
        custom = [f"fields.{item.key}" for item in self._definitions.listed(session, PERSON)]
        shown = [name for name in (*BUILT_IN[PERSON], *custom) if access.sees(name)]
        return [*shown, "created_at"]

    def matching(self, session: Session, view: SavedView, access: FieldAccess) -> Select[Customer]:
        """The view's customers as the database finds them, not yet sorted.

        Raises:
            Forbidden: the view asks for a field that is hidden from who reads
                (`field_restricted`).
        """
        query = self._customers.matching(session, CustomerFilter(text=view.text), access)
        return query.where(self._narrow(session, view.condition, access))

    def _narrow(self, session: Session, source: Mapping[str, Any], access: FieldAccess) -> Any:
        condition = compile_condition(source, events=True)
        known = dict.fromkeys(session.scalars(select(Segment.key)))
        self._segments.catalogue.check(session, condition, known=known)
        _check_seen(condition, access)
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


def _check_seen(condition: Condition, access: FieldAccess) -> None:
    """An answer would tell what a field holds, so a hidden one is not asked for either."""
    for fact in sorted(condition.facts):
        if fact.startswith(_OWN):
            name = fact.removeprefix(_OWN)
            access.check_filter(name.partition(".")[0] if not name.startswith("fields.") else name)
