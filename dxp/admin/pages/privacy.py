"""Privacy: requests with their due dates, and what can be done to one person's data."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields, validate

from dxp.admin.blueprint import AdminBlueprint
from dxp.admin.call import AdminCall
from dxp.contracts import Profiles
from dxp.errors import Problem
from dxp.i18n import gettext as _
from dxp.i18n import lazy_gettext as _l
from dxp.plugins.contexts import MenuEntry
from dxp.privacy import PrivacyRequest
from dxp.privacy.models import KINDS, VERIFIED
from dxp.web.access import needs
from dxp.web.core.privacy import zip_response
from dxp.web.pagination import paginate

READ = "core.privacy.read"
MANAGE = "core.privacy.manage"
PRIVACY_MENU = MenuEntry(
    label=_l("Privacy"),
    endpoint="privacy_admin.requests",
    permission=READ,
    icon="shield-lock",
    section="customers",
    order=90,
)


class RequestForm(Schema):
    """A request that came in by another way than the storefront."""

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    details = fields.String(load_default="", allow_none=True, validate=validate.Length(0, 5_000))
    verified_by = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(VERIFIED)
    )


class CloseForm(Schema):
    """The answer to a request."""

    outcome = fields.String(required=True, validate=validate.OneOf(["done", "refused"]))
    answer = fields.String(load_default="", allow_none=True, validate=validate.Length(0, 5_000))
    verified_by = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(VERIFIED)
    )


def privacy_blueprint() -> AdminBlueprint:
    """The blueprint `privacy_admin`."""
    admin = AdminBlueprint("privacy_admin", __name__, url_prefix="/admin/privacy")
    _add_requests(admin)
    _add_person(admin)
    return admin


def _add_requests(admin: AdminBlueprint) -> None:
    @admin.page("GET", "/", access=needs(READ), paged=True)
    def requests(call: AdminCall) -> Any:
        """All requests, those that are due first."""
        state = request.args.get("state", "open")
        state = state if state in ("open", "done", "refused") else ""
        page = paginate(
            call,
            call.platform.privacy.requests.listed(state=state),
            keys=[(PrivacyRequest.due_at, "asc"), (PrivacyRequest.id, "asc")],
        )
        names = _names(call, [row.subject_id for row in page.items])
        return call.render(
            "dxp/privacy/requests.html", page=page, state=state, names=names, kinds=_kinds()
        )

    @admin.page("GET", "/requests/<uuid:request_id>", access=needs(READ))
    def show_request(call: AdminCall, request_id: uuid.UUID) -> Any:
        """One request with its answer, or the form for it."""
        return _request_page(call, request_id, {})

    @admin.page("POST", "/requests/<uuid:request_id>/close", access=needs(MANAGE))
    def close_request(call: AdminCall, request_id: uuid.UUID) -> Any:
        """Answer a request; doing an erasure erases."""
        values, errors = call.load(CloseForm())
        if not errors:
            try:
                call.platform.privacy.requests.close(
                    call.session,
                    call.actor,
                    request_id=request_id,
                    done=values["outcome"] == "done",
                    answer=values["answer"] or "",
                    verified_by=values["verified_by"],
                )
            except Problem as problem:
                errors = call.errors_of(problem)
            else:
                call.toast(_("The request is answered."))
                return call.redirect("privacy_admin.show_request", request_id=request_id)
        return _request_page(call, request_id, errors)


def _add_person(admin: AdminBlueprint) -> None:
    @admin.page("GET", "/people/<uuid:subject_id>", access=needs(READ))
    def person(call: AdminCall, subject_id: uuid.UUID) -> Any:
        """What can be done to all that is known of one person."""
        privacy = call.platform.privacy
        subject_id = call.platform.subjects.get(call.session, subject_id)
        merges = [
            (merge, privacy.merges.why_not_undo(call.session, merge))
            for merge in privacy.merges.of_subject(call.session, subject_id)
        ]
        query = privacy.requests.listed(subject_id=subject_id).order_by(PrivacyRequest.id.desc())
        return call.render(
            "dxp/privacy/person.html",
            subject_id=subject_id,
            name=_names(call, [subject_id]).get(subject_id) or str(subject_id),
            merges=merges,
            requests=call.session.scalars(query.limit(50)).all(),
            kinds=_kinds(),
            verified=_verified(),
            may_manage=call.actor.may(MANAGE),
        )

    @admin.page("POST", "/people/<uuid:subject_id>/requests", access=needs(MANAGE))
    def open_request(call: AdminCall, subject_id: uuid.UUID) -> Any:
        """Note a request that came by mail, telephone or letter."""
        values, errors = call.load(RequestForm())
        if errors:
            call.toast(_("Choose what was asked for."), kind="danger")
            return call.redirect("privacy_admin.person", subject_id=subject_id)
        made = call.platform.privacy.requests.open(
            call.session,
            call.actor,
            subject_id=subject_id,
            kind=values["kind"],
            details=values["details"] or "",
            channel="staff",
            verified_by=values["verified_by"],
        )
        return call.redirect("privacy_admin.show_request", request_id=made.id)

    @admin.page("POST", "/people/<uuid:subject_id>/export", access=needs(MANAGE))
    def export(call: AdminCall, subject_id: uuid.UUID) -> Any:
        """Have a copy made; a short one is ready at once."""
        made = call.platform.privacy.exports.ask(call.session, call.actor, subject_id=subject_id)
        return call.redirect("privacy_admin.show_export", export_id=made.id)

    @admin.page("GET", "/exports/<uuid:export_id>", access=needs(MANAGE))
    def show_export(call: AdminCall, export_id: uuid.UUID) -> Any:
        """Whether the copy is ready, and the button that fetches it."""
        found = call.platform.privacy.exports.get(call.session, export_id)
        return call.render("dxp/privacy/export.html", export=found)

    @admin.page("POST", "/exports/<uuid:export_id>/file", access=needs(MANAGE))
    def fetch(call: AdminCall, export_id: uuid.UUID) -> Response:
        """The ZIP file, once."""
        parts = call.platform.privacy.exports.fetch(
            call.session, call.actor, export_id=export_id, owner_id=None
        )
        return zip_response(parts)

    @admin.page("POST", "/people/<uuid:subject_id>/erase", access=needs(MANAGE))
    def erase(call: AdminCall, subject_id: uuid.UUID) -> Any:
        """Forget the person, everywhere and for good."""
        call.platform.privacy.requests.erase(call.session, call.actor, subject_id=subject_id)
        call.toast(_("The customer is erased."))
        return call.redirect("privacy_admin.requests")

    @admin.page("POST", "/merges/<uuid:merge_id>/undo", access=needs(MANAGE))
    def undo(call: AdminCall, merge_id: uuid.UUID) -> Any:
        """Make two of one again."""
        merge = call.platform.privacy.merges.get(call.session, merge_id)
        try:
            call.platform.privacy.merges.undo(call.session, call.actor, merge_id=merge_id)
        except Problem as problem:
            call.toast(problem.detail, kind="danger")
        else:
            call.toast(_("The merge is undone: these are two customers again."))
        return call.redirect("privacy_admin.person", subject_id=merge.winner_id)


def _request_page(call: AdminCall, request_id: uuid.UUID, errors: dict[str, Any]) -> Any:
    found = call.platform.privacy.requests.get(call.session, request_id)
    return call.render(
        "dxp/privacy/request.html",
        status=422 if errors else 200,
        asked=found,
        name=_names(call, [found.subject_id]).get(found.subject_id),
        kinds=_kinds(),
        verified=_verified(),
        values=call.form,
        errors=errors,
        may_manage=call.actor.may(MANAGE),
    )


def _names(call: AdminCall, subject_ids: list[uuid.UUID]) -> dict[uuid.UUID, str]:
    profiles = call.platform.services.find(Profiles)
    return dict(profiles.display_names(call.session, subject_ids)) if profiles else {}


def _kinds() -> dict[str, str]:
    return {
        "access": _("A copy of the data"),
        "rectification": _("A correction"),
        "erasure": _("An erasure"),
        "objection": _("An objection"),
    }


def _verified() -> dict[str, str]:
    return {
        "signed_in": _("Signed in at the storefront"),
        "email": _("Answered a mail to the known address"),
        "document": _("Showed a document"),
        "phone": _("Called back at the known number"),
        "other": _("In another way"),
    }
