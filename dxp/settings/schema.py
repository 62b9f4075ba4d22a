"""The settings' schema: checks, and the words of their documentation.

Defaults live in the dataclasses of `model.py` alone; a test holds the two to the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, validates_schema

from dxp.settings.fields import (
    NumberMap,
    PathField,
    WordMap,
    Words,
    check_locale,
    choice,
    note,
    rate,
    seconds,
    switch,
    text,
    timezone,
    url_of,
    whole,
)

ENVIRONMENTS = ("development", "test", "production")
LEVELS = ("debug", "info", "warning", "error")
_DATABASE = url_of(
    ("sqlite", "postgresql", "postgresql+psycopg", "postgres"),
    remedy="; dxp runs on SQLite and on PostgreSQL",
)


class RootSchema(Schema):
    """The section [dxp]."""

    environment = choice(
        "What this installation is for; `production` demands a secret key from the environment.",
        ENVIRONMENTS,
        example="production",
    )
    data_dir = PathField(
        metadata=note(
            "Folder of the embedded database, media, mail and the generated secret; "
            "a relative path is taken from the settings file's folder.",
            example="/var/lib/dxp",
        )
    )
    secret_key = text(
        "All other secrets are derived from it; at least 32 random characters. "
        "Made on first run unless the environment is `production`.",
        example="(the output of `dxp settings secret`)",
        secret=True,
    )
    disabled_plugins = Words(
        metadata=note("Installed plugins that are not started.", example=["personalization"])
    )


class DatabaseSchema(Schema):
    """The section [database]."""

    url = text(
        "Where the data is: SQLite (a relative file lies in the data folder) or PostgreSQL.",
        example="postgresql://dxp:password@db.example:5432/dxp",
        secret=True,
        check=_DATABASE,
    )
    pool_size = whole("Connections each process keeps to PostgreSQL.", example=10, most=1000)


class ServerSchema(Schema):
    """The section [server]."""

    host = text("Address to listen on; `0.0.0.0` for all.", example="0.0.0.0")  # noqa: S104
    port = whole("Port to listen on; 0 takes any that is free.", example=8000, least=0, most=65535)
    public_url = text(
        "Address that people use, without a slash at the end; e-mails and links carry it.",
        example="https://dxp.example.com",
        check=url_of(("http", "https"), empty=True),
    )
    threads = whole("Requests served at once by the embedded server.", example=8, most=256)
    trusted_proxies = whole(
        "Proxies in front whose X-Forwarded headers are believed.", example=1, least=0, most=10
    )


class JobsSchema(Schema):
    """The section [jobs]."""

    transport = choice(
        "How background work is spread: threads of the web process, or dramatiq's workers.",
        ("embedded", "dramatiq"),
        example="dramatiq",
    )
    broker_url = text(
        "Redis or RabbitMQ, for dramatiq.",
        example="redis://127.0.0.1:6379/0",
        secret=True,
        check=url_of(("redis", "rediss", "amqp", "amqps"), empty=True),
    )
    threads = whole("Threads that run jobs in one process.", example=2, least=0, most=64)
    poll_seconds = seconds("How often the job table is looked at.", example=1.0, least=0.01)
    lease_seconds = seconds(
        "After a crash, another worker takes the job when this has passed.", example=60.0, least=1
    )
    backoff_base_seconds = seconds(
        "Wait before the first retry; doubled at each, with jitter.", example=2.0, least=0
    )
    backoff_max_seconds = seconds("Longest wait between retries.", example=3600.0, least=0)

    @validates_schema
    def _broker_is_named(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        if data.get("transport") == "dramatiq" and not data.get("broker_url"):
            raise ValidationError(
                "is needed because jobs.transport is dramatiq", field_name="broker_url"
            )


class ApiSchema(Schema):
    """The section [api]."""

    max_body_bytes = whole("Largest request body, in bytes.", example=1_048_576, least=1024)
    max_page_size = whole("Most items a client may ask for in one page.", example=100, most=1000)
    default_page_size = whole("Items in a page when the client does not say.", example=20)
    rate_limit = rate("Requests one client may make.")
    browser_rate_limit = rate(
        "Requests one address may make with a browser's key.", example="300/minute"
    )
    sign_in_rate_limit = rate("Sign-in attempts from one address.", example="10/minute")
    rate_limit_storage = text(
        "Where limits are counted: `memory://`, or Redis when there are several processes.",
        example="redis://127.0.0.1:6379/1",
        secret=True,
        check=url_of(("memory", "redis", "rediss")),
    )
    idempotency_hours = whole("How long an Idempotency-Key is remembered, in hours.", example=72)
    customer_token_minutes = whole("Life of a customer's token, in minutes.", example=15, most=1440)
    refresh_token_days = whole("Life of a refresh token, in days.", example=30, most=400)

    @validates_schema
    def _pages_fit(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        if data.get("default_page_size", 0) > data.get("max_page_size", 1000):
            raise ValidationError(
                "must not be more than api.max_page_size", field_name="default_page_size"
            )


class AccountsSchema(Schema):
    """The section [accounts]."""

    max_failures = whole("Failed sign-ins before an account is locked.", example=8, most=1000)
    lock_minutes = whole("How long a locked account stays locked, in minutes.", example=15)
    session_hours = whole("Longest life of a staff session, in hours.", example=12)
    session_idle_minutes = whole("A session unused for so many minutes ends.", example=120)
    argon2_memory_kib = whole(
        "Memory that hashing a password takes, in KiB.", example=19_456, least=8
    )
    argon2_time_cost = whole("Passes of the password hash.", example=2)


class MailSchema(Schema):
    """The section [mail]."""

    url = text(
        "An SMTP server, or `file:` and a folder below the data folder.",
        example="smtp://user:password@mail.example.com:587",
        secret=True,
        check=url_of(("smtp", "smtps", "file")),
    )
    sender = text("Address that mail comes from.", example="dxp@example.com")


class LocaleSchema(Schema):
    """The section [locale]."""

    default = text("Locale used when nothing else says.", example="fr", check=check_locale)
    available = Words(
        check=check_locale,
        metadata=note("Locales of content and admin.", example=["en", "fr", "ar", "fa"]),
    )
    fallbacks = WordMap(
        metadata=note(
            "For each locale, the one that is asked next.", example={"fr": "en", "ar": "en"}
        )
    )
    timezone = timezone("Time zone of dates shown to staff.", example="Europe/Paris")

    @validates_schema
    def _locales_agree(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        available = data.get("available")
        if available is None:
            return
        if data.get("default") is not None and data["default"] not in available:
            raise ValidationError(
                f"must be one of locale.available: {', '.join(available)}", field_name="default"
            )
        for locale, target in data.get("fallbacks", {}).items():
            if target not in available:
                raise ValidationError(
                    f"sends {locale} to {target}, which is not in locale.available",
                    field_name="fallbacks",
                )
            if _leads_back(locale, data["fallbacks"]):
                raise ValidationError(f"leads {locale} in a circle", field_name="fallbacks")


class LogSchema(Schema):
    """The section [log]."""

    level = choice("Least severity that is logged.", LEVELS, example="warning")
    format = choice(
        "`console` for people, `json` for machines.", ("console", "json"), example="json"
    )


class EventsSchema(Schema):
    """The section [events]."""

    retention_days = NumberMap(
        most=36_500,
        metadata=note(
            "For each type of event, after how many days it is forgotten; 0 keeps it for ever.",
            example={"page.viewed": 90, "order.placed": 0},
        ),
    )


class DemoSchema(Schema):
    """The section [demo]."""

    time_travel = switch(
        "Lets an API key with the scope `demo.clock` shift the platform's day.", example=True
    )


SECTIONS: Mapping[str, type[Schema]] = {
    "database": DatabaseSchema,
    "server": ServerSchema,
    "jobs": JobsSchema,
    "api": ApiSchema,
    "accounts": AccountsSchema,
    "mail": MailSchema,
    "locale": LocaleSchema,
    "log": LogSchema,
    "events": EventsSchema,
    "demo": DemoSchema,
}


def _leads_back(start: str, steps: Mapping[str, str]) -> bool:
    seen: set[str] = set()
    here: str | None = start
    while here is not None and here not in seen:
        seen.add(here)
        here = steps.get(here)
    return here is not None
