"""The words of the mails that accounts send, in the language of the request."""

from __future__ import annotations

from dxp.auth import SentCode
from dxp.i18n import gettext as _
from dxp.mail import Message


def customer_code_mail(sent: SentCode) -> Message:
    """A customer's sign-in code."""
    return Message(
        to=sent.to,
        subject=_("Your sign-in code: %(code)s", code=sent.code),
        text=_(
            "Your sign-in code is %(code)s\n\n"
            "It is good for %(minutes)s minutes, once.\n"
            "If you did not ask for it, ignore this mail: nobody was signed in.\n",
            code=sent.code,
            minutes=sent.minutes,
        ),
    )


def reset_code_mail(sent: SentCode, *, address: str) -> Message:
    """A code to choose a new password with.

    Args:
        address: of the page on which it is typed.
    """
    return Message(
        to=sent.to,
        subject=_("Your code to choose a new password"),
        text=_(
            "Somebody, probably you, asked for a new password.\n\n"
            "Your code is %(code)s\n"
            "Type it at %(address)s within %(minutes)s minutes.\n\n"
            "If you did not ask for it, ignore this mail: your password stays as it is.\n",
            code=sent.code,
            minutes=sent.minutes,
            address=address,
        ),
    )
