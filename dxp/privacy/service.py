"""The life of a person's data, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxp.privacy.erasure import Erasure
from dxp.privacy.exports import Exports
from dxp.privacy.identity import Identity
from dxp.privacy.merging import Merges
from dxp.privacy.purposes import Purposes
from dxp.privacy.requests import Requests

if TYPE_CHECKING:
    from dxp.platform import Platform


class Privacy:
    """What can be done to all that is known of a person.

    Attributes:
        erasure: forgets a person.
        purposes: what customers may consent to.
        merges: makes one person of two, and two of one.
        exports: copies of all that is known of a person.
        requests: what persons asked, and what became of it.
        identity: attaches a browser to its owner.
    """

    def __init__(self, platform: Platform) -> None:
        self.erasure = Erasure(platform)
        self.purposes = Purposes()
        self.merges = Merges(platform)
        self.exports = Exports(platform)
        self.requests = Requests(platform, self.erasure)
        self.identity = Identity(platform, self.merges)
