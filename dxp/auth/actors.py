"""Who does something, and the permissions that may be needed for it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Permission:
    """Something that a role may allow. `name` is `<plugin>.<things>.<verb>`.

    `label` is for people and may be lazily translated. `scope` tells whether an API key may be
    given it too, and `browser` whether a key that every visitor of a site can read may be.
    """

    name: str
    label: Any
    scope: bool = True
    browser: bool = False


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Nobody in particular; base of the others.

    `permissions` holds names; `"*"` stands for all of them.
    """

    permissions: frozenset[str] = frozenset()
    locale: str | None = None

    kind = "anonymous"

    @property
    def key(self) -> str:
        """Stable text for audit rows, rate limits and idempotency keys."""
        return self.kind

    @property
    def label(self) -> str:
        """What people read in the audit log."""
        return self.kind

    def may(self, permission: str) -> bool:
        return "*" in self.permissions or permission in self.permissions


@dataclass(frozen=True, kw_only=True)
class StaffActor(Actor):
    """A signed-in member of staff.

    Attributes:
        timezone: in which they read and write moments; None: that of the site.
        pending: what they must do before all their permissions count: choose a `password`, or
            set up a `second_factor`; None when nothing is left to do.
    """

    user_id: uuid.UUID
    session_id: uuid.UUID
    timezone: str | None = None
    name: str
    email: str
    pending: str | None = None

    kind = "staff"

    @property
    def key(self) -> str:
        return f"staff:{self.user_id}"

    @property
    def label(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class KeyActor(Actor):
    """A storefront or another server, by its API key; its scopes are its permissions.

    Attributes:
        origins: the sites whose pages hold the key, when it is one for browsers. Anybody can read
            such a key, so nothing that its holder says of who they are is believed.
        customer_id: who the browser has proved to be, by a customer's token beside the key.
    """

    key_id: uuid.UUID
    name: str
    origins: frozenset[str] = frozenset()
    customer_id: uuid.UUID | None = None

    kind = "key"

    @property
    def key(self) -> str:
        return f"key:{self.key_id}"

    @property
    def browser(self) -> bool:
        """Whether the key lies open in the pages of a site."""
        return bool(self.origins)

    @property
    def label(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class CustomerActor(Actor):
    """A customer, by a short-lived token.

    Attributes:
        subject_id: the person, after merges.
        origin_id: who signed in, when they were merged into that person since; else None.
    """

    subject_id: uuid.UUID
    origin_id: uuid.UUID | None = None

    kind = "customer"

    @property
    def named_id(self) -> uuid.UUID:
        """Who signed in: write under this id, so that undoing a merge gives it back."""
        return self.origin_id or self.subject_id

    @property
    def key(self) -> str:
        return f"customer:{self.subject_id}"


@dataclass(frozen=True, kw_only=True)
class SystemActor(Actor):
    """dxp itself: a job, the command line, the demo."""

    name: str = "system"
    permissions: frozenset[str] = frozenset({"*"})

    kind = "system"

    @property
    def key(self) -> str:
        return f"system:{self.name}"

    @property
    def label(self) -> str:
        return self.name
