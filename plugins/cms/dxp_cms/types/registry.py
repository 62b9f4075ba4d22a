"""The types that plugins declare, checked against one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dxp.api import ConfigurationError, NotFound
from dxp_cms.fields import Field
from dxp_cms.types.model import ContentType, build_type


class TypeRegistry:
    """All content types by name, in the order in which they were declared."""

    def __init__(self) -> None:
        self._types: dict[str, ContentType] = {}
        self._owners: dict[str, str] = {}

    def declare(self, definitions: Iterable[Mapping[str, Any]], *, plugin: str) -> None:
        """Add types of one plugin.

        Raises:
            ConfigurationError: a definition is wrong, or its name is taken.
        """
        for definition in definitions:
            try:
                content_type = build_type(definition)
            except ValueError as error:
                raise ConfigurationError(
                    f"plugin {plugin!r} declares a content type that cannot be used: {error}"
                ) from error
            owner = self._owners.setdefault(content_type.name, plugin)
            if content_type.name in self._types:
                raise ConfigurationError(
                    f"the content type {content_type.name!r} is declared twice, by {owner!r} and "
                    f"by {plugin!r}; rename one"
                )
            self._types[content_type.name] = content_type

    def check(self) -> None:
        """Refuse references to types or fields that nobody declared.

        Raises:
            ConfigurationError: names the field.
        """
        for content_type in self:
            for field in content_type.fields:
                self._check_targets(content_type, field.options.get("item", field))

    def owner(self, name: str) -> str:
        """The plugin that declared a type."""
        return self._owners[name]

    def find(self, name: str) -> ContentType | None:
        return self._types.get(name)

    def get(self, name: str) -> ContentType:
        """The type.

        Raises:
            NotFound: no plugin declares it (`unknown_type`).
        """
        found = self._types.get(name)
        if found is None:
            raise NotFound(
                f"There is no content type {name!r}: no plugin declares it; "
                f"known: {', '.join(self._types)}",
                code="unknown_type",
            )
        return found

    def __iter__(self) -> Iterator[ContentType]:
        return iter(self._types.values())

    def _check_targets(self, content_type: ContentType, field: Field) -> None:
        for name in field.options.get("to", ()):
            target = self._types.get(name)
            if target is None:
                raise ConfigurationError(
                    f"{content_type.name}.{field.name} points at the content type {name!r}, which "
                    f"no plugin declares; known: {', '.join(self._types)}"
                )
            for included in field.options["include"]:
                if included not in target.by_name:
                    raise ConfigurationError(
                        f"{content_type.name}.{field.name} includes {included!r}, which is no "
                        f"field of {name!r}; known: {', '.join(target.by_name)}"
                    )
