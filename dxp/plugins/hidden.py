"""What somebody may not see of persons, and what would tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from dxp.auth.actors import Actor
from dxp.plugins.contexts import FactFieldsContext, ProfileViewContext
from dxp.plugins.spec import Plugin

if TYPE_CHECKING:
    from dxp.platform import Platform


def hidden_profile_fields(platform: Platform, session: Session, actor: Actor) -> frozenset[str]:
    """Fields of the profile that `actor` may not see, such as `birthday`; ask once a request."""
    context = ProfileViewContext(session=session, platform=platform, actor=actor)
    answers = platform.plugins.call(Plugin.hidden_profile_fields, context)
    return frozenset(name for answer in answers for name in answer.value)


def hidden_facts(platform: Platform, session: Session, actor: Actor) -> frozenset[str]:
    """Names of the facts that tell what `actor` may not see."""
    hidden = hidden_profile_fields(platform, session, actor)
    if not hidden:
        return hidden
    context = FactFieldsContext(session=session, platform=platform)
    return frozenset(
        field.name
        for answer in platform.plugins.call(Plugin.fact_fields, context)
        for field in answer.value
        if not hidden.isdisjoint(field.reveals)
    )
