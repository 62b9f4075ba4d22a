"""The settings as the code sees them: checked, typed, frozen."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """`url`: a SQLAlchemy URL; a relative SQLite path is taken from the data folder."""

    url: str = "sqlite:///dxp.sqlite3"
    pool_size: int = 10


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Where the embedded server listens, and the address that people use."""

    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = ""
    threads: int = 8
    trusted_proxies: int = 0


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """How background work runs.

    Attributes:
        transport: `embedded` (threads in the web process) or `dramatiq`.
        broker_url: `redis://…` or `amqp://…`, for dramatiq.
        lease_seconds: after a crash a job is taken up by another worker when this has passed.
    """

    transport: str = "embedded"
    broker_url: str = ""
    threads: int = 2
    poll_seconds: float = 1.0
    lease_seconds: float = 60.0
    backoff_base_seconds: float = 2.0
    backoff_max_seconds: float = 3600.0


@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """Limits of the JSON API. Rate limits use the notation `600/minute`."""

    max_body_bytes: int = 1_048_576
    max_page_size: int = 100
    default_page_size: int = 20
    rate_limit: str = "1200/minute"
    browser_rate_limit: str = "300/minute"
    sign_in_rate_limit: str = "10/minute"
    rate_limit_storage: str = "memory://"
    idempotency_hours: int = 72
    customer_token_minutes: int = 15
    refresh_token_days: int = 30


@dataclass(frozen=True, kw_only=True)
class AccountSettings:
    """Staff sign-in: lock-out and session life."""

    max_failures: int = 8
    lock_minutes: int = 15
    session_hours: int = 12
    session_idle_minutes: int = 120
    argon2_memory_kib: int = 19_456
    argon2_time_cost: int = 2


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """`url`: `smtp://user:password@host:587` or `file:mail` (a folder below the data folder)."""

    url: str = "file:mail"
    sender: str = "dxp@localhost"


@dataclass(frozen=True, kw_only=True)
class LocaleSettings:
    """Locales of content and admin; `fallbacks` maps a locale to the one asked next."""

    default: str = "en"
    available: tuple[str, ...] = ("en", "fr", "ar", "fa")
    fallbacks: Mapping[str, str] = field(
        default_factory=lambda: {"fr": "en", "ar": "en", "fa": "en"}
    )
    timezone: str = "UTC"

    def chain(self, locale: str) -> list[str]:
        """`locale`, and those it falls back to, in the order in which they are asked."""
        found = [locale]
        while (following := self.fallbacks.get(found[-1])) is not None and following not in found:
            found.append(following)
        return found


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """`format`: `console` for people, `json` for machines."""

    level: str = "info"
    format: str = "console"


@dataclass(frozen=True, kw_only=True)
class EventSettings:
    """`retention_days`: by type; it overrides what the type says, and 0 is for ever."""

    retention_days: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """`time_travel` lets a key with the scope `demo.clock` shift the platform's day."""

    time_travel: bool = False


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings.

    Attributes:
        environment: `development`, `test` or `production`.
        data_dir: folder of the embedded database, mail, media, backups.
        secret_key: all other secrets are derived from it.
        disabled_plugins: installed plugins that are not started.
        plugins: each plugin's own section, not yet checked; the manager checks it.
        source: the file that was read, for messages.
        origins: for each key that somebody set, such as `server.port`, the file and line or the
            variable.
    """

    environment: str = "development"
    data_dir: Path = Path("var")
    secret_key: str = field(default="", repr=False)
    disabled_plugins: tuple[str, ...] = ()
    database: DatabaseSettings = DatabaseSettings()
    server: ServerSettings = ServerSettings()
    jobs: JobSettings = JobSettings()
    api: ApiSettings = ApiSettings()
    accounts: AccountSettings = AccountSettings()
    mail: MailSettings = MailSettings()
    locale: LocaleSettings = LocaleSettings()
    log: LogSettings = LogSettings()
    events: EventSettings = EventSettings()
    demo: DemoSettings = DemoSettings()
    plugins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    source: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def secret(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, derived from `secret_key` by HMAC-SHA256.

        Keys for different purposes tell nothing of one another, so one setting is enough.
        """
        return hmac.new(self.secret_key.encode(), purpose.encode(), hashlib.sha256).digest()
