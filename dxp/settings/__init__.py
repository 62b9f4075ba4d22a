"""Settings: model, loading, checking."""

from dxp.settings.model import (
    AccountSettings,
    ApiSettings,
    DatabaseSettings,
    DemoSettings,
    EventSettings,
    JobSettings,
    LocaleSettings,
    LogSettings,
    MailSettings,
    ServerSettings,
    Settings,
)

__all__ = [
    "AccountSettings",
    "ApiSettings",
    "DatabaseSettings",
    "DemoSettings",
    "EventSettings",
    "JobSettings",
    "LocaleSettings",
    "LogSettings",
    "MailSettings",
    "ServerSettings",
    "Settings",
]
