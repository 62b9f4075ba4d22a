"""Who may use a route. Every route says so, or it does not register."""

from __future__ import annotations

from dataclasses import dataclass

from dxp.auth.actors import Actor, CustomerActor, KeyActor, StaffActor


@dataclass(frozen=True, kw_only=True)
class Access:
    """A rule; combine alternatives with `|`.

    Attributes:
        permissions: any one of them opens the route to staff and API keys.
        customers: a customer's token opens it.
        staff: any signed-in member of staff may enter.
        public: everybody may, known or not.
    """

    permissions: tuple[str, ...] = ()
    customers: bool = False
    staff: bool = False
    public: bool = False

    def __or__(self, other: Access) -> Access:
        return Access(
            permissions=self.permissions + other.permissions,
            customers=self.customers or other.customers,
            staff=self.staff or other.staff,
            public=self.public or other.public,
        )

    def used_by(self, actor: Actor) -> str | None:
        """How the rule lets `actor` in: the permission, `customer`, `staff` or `public`."""
        if isinstance(actor, (StaffActor, KeyActor)):
            for permission in self.permissions:
                if actor.may(permission):
                    return permission
        if self.customers and isinstance(actor, CustomerActor):
            return "customer"
        if self.staff and isinstance(actor, StaffActor):
            return "staff"
        return "public" if self.public else None

    def describe(self) -> str:
        """For documentation and refusals."""
        ways = [f"the permission {name}" for name in self.permissions]
        ways += ["a customer's token"] * self.customers + ["a staff sign-in"] * self.staff
        return " or ".join(ways) if ways else "nothing"


def needs(permission: str) -> Access:
    """Staff who hold the permission, and API keys with that scope."""
    return Access(permissions=(permission,))


def customer() -> Access:
    """A customer, about themselves."""
    return Access(customers=True)


def signed_in() -> Access:
    """Any member of staff."""
    return Access(staff=True)


def anyone() -> Access:
    """Everybody. For sign-in pages, health and what is meant to be public."""
    return Access(public=True)
