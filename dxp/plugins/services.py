"""Services: what exactly one plugin can do, found by its Protocol."""

from __future__ import annotations

from typing import TypeVar, cast

from dxp.errors import ConfigurationError, ServiceMissing

S = TypeVar("S")


class Services:
    """Who provides what. Filled at start by the plugins' `provide` hook."""

    def __init__(self) -> None:
        self._provided: dict[type, tuple[str, object]] = {}

    def add(self, contract: type, service: object, *, plugin: str) -> None:
        """Register a service.

        Raises:
            ConfigurationError: another plugin already provides it.
        """
        if contract in self._provided:
            other = self._provided[contract][0]
            raise ConfigurationError(
                f"plugins {other!r} and {plugin!r} both provide {contract.__name__}, and only one "
                f"can; disable one of them: dxp plugin disable {plugin}"
            )
        self._provided[contract] = (plugin, service)

    def find(self, contract: type[S]) -> S | None:
        """The service, or None when no enabled plugin provides it."""
        found = self._provided.get(contract)
        return None if found is None else cast("S", found[1])

    def get(self, contract: type[S]) -> S:
        """The service.

        Raises:
            ServiceMissing: no enabled plugin provides it.
        """
        service = self.find(contract)
        if service is None:
            raise ServiceMissing(
                f"no enabled plugin provides {contract.__name__}; install or enable one that does "
                "(`dxp plugins` lists what each provides), or use services.find() to do without"
            )
        return service

    def provider(self, contract: type) -> str | None:
        """Name of the plugin that provides a service."""
        found = self._provided.get(contract)
        return None if found is None else found[0]

    def all(self) -> dict[str, str]:
        """Provider by contract name."""
        return {contract.__name__: plugin for contract, (plugin, _) in self._provided.items()}
