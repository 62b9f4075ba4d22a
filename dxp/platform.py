"""The running platform: one object that holds what the parts need of one another."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from dxp.audit import Audit
from dxp.auth import Accounts
from dxp.clock import Clock
from dxp.db import Database
from dxp.events import EventBus
from dxp.jobs import Jobs
from dxp.mail import Mailer
from dxp.plugins.manager import PluginManager
from dxp.plugins.services import Services
from dxp.privacy import Privacy
from dxp.settings import Settings
from dxp.subjects import Subjects


class Platform:
    """Built by `dxp.create_app`; handed to hooks, handlers and services explicitly.

    It is filled in the order of the attributes; each part may use the ones above it.
    """

    settings: Settings
    clock: Clock
    db: Database
    subjects: Subjects
    events: EventBus
    mail: Mailer
    audit: Audit
    accounts: Accounts
    jobs: Jobs
    services: Services
    plugins: PluginManager
    privacy: Privacy
    metrics: CollectorRegistry
