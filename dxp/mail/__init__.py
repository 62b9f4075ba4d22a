"""Outgoing mail."""

from dxp.mail.mailer import SEND_MAIL, Mailer
from dxp.mail.message import Message

__all__ = ["SEND_MAIL", "Mailer", "Message"]
