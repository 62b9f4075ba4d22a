"""A browser whose owner signs in."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from dxp.auth.actors import Actor
from dxp.errors import Conflict
from dxp.i18n import gettext
from dxp.privacy.merging import IDENTIFIED, Merges
from dxp.subjects import ANONYMOUS, Subject

if TYPE_CHECKING:
    from dxp.platform import Platform


class Identity:
    """Anonymous becomes known by a rule: whoever signs in owns the browser's id.

    A browser that is already a known customer's stays that customer's: people share computers,
    and a rule must never make one of two strangers. The storefront then gives the browser a new
    id, and the history before stays with the one who made it.
    """

    def __init__(self, platform: Platform, merges: Merges) -> None:
        self._platform = platform
        self._merges = merges

    def identify(
        self, session: Session, actor: Actor, *, subject_id: uuid.UUID, anonymous_id: str
    ) -> uuid.UUID:
        """Attach a browser, with the events and decisions it made so far, to a known customer.

        Harmless when repeated. When `subject_id` was merged into another, the browser goes where
        undoing that merge sends `subject_id`.

        Returns:
            The customer's id, after merges.

        Raises:
            NotFound: there is no such customer (`unknown_subject`).
            Conflict: the browser is another customer's (`anonymous_id_taken`).
        """
        subjects = self._platform.subjects
        root_id = subjects.get(session, subject_id)
        owner_id = subjects.find(session, ANONYMOUS, anonymous_id)
        if owner_id is None:
            subjects.link(session, subject_id, scheme=ANONYMOUS, value=anonymous_id)
        elif owner_id != root_id:
            if not session.get_one(Subject, owner_id).anonymous:
                raise Conflict(
                    gettext(
                        "The browser was not attached, because another customer signed in with "
                        "it before and two strangers may share a computer; give the browser a "
                        "new anonymous id, then send this again with it"
                    ),
                    code="anonymous_id_taken",
                )
            self._merges.merge(
                session,
                actor,
                winner_id=root_id,
                loser_id=owner_id,
                reason=IDENTIFIED,
                under=subject_id,
            )
        return root_id
