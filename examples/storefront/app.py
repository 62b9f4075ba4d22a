"""A sample storefront: its own small application, which only calls dxp's JSON API."""

from __future__ import annotations

import os
import secrets
import sys
import uuid
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask, abort, flash, g, redirect, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

sys.path.insert(0, str(Path(__file__).parent))

from client import Api, ApiProblem
from words import LANGUAGES, RIGHT_TO_LEFT, number, words

HERO_SLOT = "home.hero"


def create_app(*, api_url: str | None = None, api_key: str | None = None) -> Flask:
    """Build the storefront.

    Args:
        api_url: address of dxp; `DXP_API_URL` when None.
        api_key: `DXP_API_KEY` when None.
    """
    app = Flask(__name__)
    app.config["API_URL"] = api_url or os.environ.get("DXP_API_URL", "http://127.0.0.1:8000")
    app.config["API_KEY"] = api_key or os.environ.get("DXP_API_KEY", "")
    app.secret_key = secrets.token_bytes(32)
    app.config["SESSION_COOKIE_NAME"] = "storefront"
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    remembered: dict[str, tuple[str, Any]] = {}

    @app.before_request
    def open_api() -> None:
        locale = session.get("locale", "en")
        g.api = Api(
            url=app.config["API_URL"],
            key=app.config["API_KEY"],
            remembered=remembered,
            locale=locale,
        )

    @app.before_request
    def refuse_forged_forms() -> None:
        if request.method == "POST" and request.form.get("form_token") != session.get("form_token"):
            abort(400)

    @app.context_processor
    def page_values() -> dict[str, Any]:
        locale = session.get("locale", "en")
        return {
            "w": words(locale),
            "number": partial(number, locale=locale),
            "locale": locale,
            "dir": "rtl" if locale in RIGHT_TO_LEFT else "ltr",
            "languages": LANGUAGES,
            "calls": g.api.calls,
            "me": session.get("customer"),
            "form_token": session.setdefault("form_token", secrets.token_urlsafe(16)),
        }

    @app.errorhandler(ApiProblem)
    def refused(problem: ApiProblem) -> tuple[str, int]:
        if problem.code in ("token_expired", "token_invalid") and session.pop("token", None):
            session.pop("customer", None)
        return render_template("problem.html", problem=problem), problem.status

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> tuple[str, int]:
        return render_template("problem.html", failed=error.code), error.code or 500

    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/articles/<slug>", view_func=article)
    app.add_url_rule("/choose", view_func=choose, methods=["POST"])
    app.add_url_rule("/buy", view_func=buy, methods=["POST"])
    app.add_url_rule("/gifts/<uuid:gift_id>/claim", view_func=claim, methods=["POST"])
    app.add_url_rule("/codes/<uuid:redemption_id>.svg", view_func=code_image)
    app.add_url_rule("/rewards/<uuid:reward_id>/redeem", view_func=redeem, methods=["POST"])
    return app


def home() -> str:
    """The home page: a hero for this person, stories, and what they have."""
    api: Api = g.api
    customer = session.get("customer")
    who = {"id": customer["id"]} if customer else {"anonymous_id": _anonymous_id()}
    answer = api.send(
        "POST",
        "/api/v1/decide",
        {
            "subject": who,
            "slots": [{"key": HERO_SLOT, "k": 1}],
            "context": {"locale": api.locale, "channel": "web"},
            "explain": True,
        },
    )
    return render_template(
        "home.html",
        hero=answer["decisions"][0],
        articles=api.get("/api/v1/content/article?limit=6", cached=True)["data"],
        people=_people(api),
        today=api.get("/api/v1/demo/clock")["now"][:10],
        mine=_mine(api) if customer else None,
        new_key=lambda: str(uuid.uuid4()),
    )


def article(slug: str) -> str:
    """One story; the second time its bytes come from here, after a 304."""
    entry = g.api.get(f"/api/v1/content/article/{slug}", cached=True)
    return render_template("article.html", entry=entry)


def choose() -> Response:
    """Take on a person, a day and a language."""
    api: Api = g.api
    if "locale" in request.form and request.form["locale"] in LANGUAGES:
        session["locale"] = request.form["locale"]
    if "day" in request.form:
        api.send(
            "PUT",
            "/api/v1/demo/clock",
            {"date": date.fromisoformat(request.form["day"]).isoformat()},
        )
    if "person" in request.form:
        _become(api, request.form["person"])
    return redirect(url_for("home"))


def buy() -> Response:
    """Send an order, as a shop's checkout would."""
    api: Api = g.api
    order_id = request.form["key"]
    result = api.send(
        "POST",
        "/api/v1/events",
        {
            "events": [
                {
                    "id": order_id,
                    "type": "order.placed",
                    "subject": {"id": session["customer"]["id"]},
                    "data": {
                        "order_id": order_id,
                        "total": "50.00",
                        "currency": "USD",
                        "channel": "web",
                    },
                }
            ]
        },
    )
    flash(words(api.locale)["thanks"] if result else "")
    return redirect(url_for("home"))


def claim(gift_id: uuid.UUID) -> Response:
    """Claim a gift; sent twice with one key, it is claimed once."""
    api: Api = g.api
    api.send(
        "POST",
        f"/api/v1/me/occasions/{gift_id}/claim",
        {},
        token=session["token"],
        idempotency_key=request.form["key"],
    )
    flash(words(api.locale)["claimed"])
    return redirect(url_for("home"))


def redeem(reward_id: uuid.UUID) -> Response:
    """Redeem points: authorise, then capture; each with a key, so that a retry moves nothing."""
    api: Api = g.api
    key, token = request.form["key"], session["token"]
    held = api.send(
        "POST",
        "/api/v1/redemptions",
        {"reward_id": str(reward_id)},
        token=token,
        idempotency_key=f"{key}-authorise",
    )
    api.send(
        "POST",
        f"/api/v1/redemptions/{held['id']}/capture",
        {},
        token=token,
        idempotency_key=f"{key}-capture",
    )
    flash(words(api.locale)["redeemed"])
    return redirect(url_for("home"))


def code_image(redemption_id: uuid.UUID) -> Response:
    """The QR code of a discount code, asked for with the customer's own token."""
    if "token" not in session:
        abort(404)
    api: Api = g.api
    path = f"/api/v1/redemptions/{redemption_id}/code.svg"
    image = api.image(path, token=session["token"])
    return Response(image, mimetype="image/svg+xml", headers={"Cache-Control": "private"})


def _become(api: Api, ref: str) -> None:
    """Sign in as a customer: the storefront vouches for them with its own key."""
    session.pop("customer", None)
    session.pop("token", None)
    if not ref:
        return
    tokens = api.send("POST", "/api/v1/auth/customer-tokens", {"customer": {"ref": ref}})
    person = next((one for one in _people(api) if one["ref"] == ref), None)
    if person is None:
        return
    session["token"] = tokens["access_token"]
    session["customer"] = {"id": person["id"], "ref": ref, "name": person["name"]}
    if person["locale"] in LANGUAGES:
        session["locale"] = person["locale"]


def _people(api: Api) -> list[dict[str, Any]]:
    found = []
    for ref in ("C-1001", "C-1002", "C-1003", "C-1004"):
        found += api.get(f"/api/v1/customers?filter[ref]={ref}")["data"]
    return found


def _mine(api: Api) -> dict[str, Any]:
    token = session["token"]
    return {
        "wallets": api.get("/api/v1/me/wallets", token=token),
        "occasions": api.get("/api/v1/me/occasions", token=token),
        "rewards": api.get("/api/v1/me/rewards", token=token),
        "tier": api.get("/api/v1/me/tier", token=token),
        "codes": [
            redemption
            for redemption in api.get("/api/v1/me/redemptions?limit=8", token=token)["data"]
            if redemption["code"]
        ],
        "transactions": api.get("/api/v1/me/transactions?limit=8", token=token)["data"],
    }


def _anonymous_id() -> str:
    if "anonymous_id" not in session:
        session["anonymous_id"] = str(uuid.uuid4())
    return str(session["anonymous_id"])
