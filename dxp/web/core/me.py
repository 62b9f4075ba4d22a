"""The customer's own summary, filled by the plugins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE, Schema, fields, post_dump

from dxp.auth.actors import CustomerActor
from dxp.plugins.contexts import FragmentContext
from dxp.plugins.spec import Plugin
from dxp.web.access import customer
from dxp.web.blueprint import ApiBlueprint
from dxp.web.call import Call

SLOT = "api.me"

api = ApiBlueprint(
    "me",
    __name__,
    url_prefix="/api/v1/me",
    description="What a customer may know about themselves.",
)


class MeOut(Schema):
    """`id`, and one member for each plugin that has something to say."""

    class Meta:
        unknown = INCLUDE

    id = fields.UUID(required=True)

    @post_dump(pass_original=True)
    def add_fragments(
        self, data: dict[str, Any], original: Mapping[str, Any], **_options: Any
    ) -> dict[str, Any]:
        return {**original, **data}


@api.endpoint(
    "GET", "", summary="Read one's own summary", access=customer(), response=MeOut, etag=True
)
def read_me(call: Call) -> Any:
    """Each plugin adds what it holds: the profile, points, gifts that wait."""
    assert isinstance(call.actor, CustomerActor)
    context = FragmentContext(
        slot=SLOT,
        session=call.session,
        platform=call.platform,
        actor=call.actor,
        now=call.now,
        locale=call.locale,
        subject_id=call.actor.subject_id,
    )
    answers = call.platform.plugins.call(Plugin.fragments, context)
    fragments = [fragment for answer in answers for fragment in answer.value]
    fragments.sort(key=lambda fragment: (fragment.order, fragment.key))
    members = {fragment.key: fragment.values for fragment in fragments}
    return {"id": call.actor.subject_id, **members}
