"""The JSON API: live content by stored bytes, and drafts for those who may see them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import orjson
from flask import url_for

from dxp.api import ApiBlueprint, Call, NotFound, ProblemCode, customer, needs, paginate
from dxp_cms.events import cache_tags_of
from dxp_cms.models import Entry, EntryLocale, Published, Revision
from dxp_cms.permissions import CONTENT_READ, DRAFTS_READ
from dxp_cms.services.cms import Cms
from dxp_cms.services.drafts import unknown_entry
from dxp_cms.types import ContentType
from dxp_cms.web.schemas import (
    BUILT_IN_SORTS,
    answer_schema,
    draft_schema,
    entry_query,
    filters_of,
    list_query,
)

ALWAYS = ("id", "type", "locale")
MAX_TAGGED = 100

CODES = (
    ProblemCode(
        "entry_not_published",
        404,
        "Nothing is live at this address",
        "No entry of the type is live under this slug, in the locale that was asked for or one "
        "that it falls back to. It may be a draft, or have been taken off.",
        "Check the slug and the locale, or ask for the list.",
    ),
    ProblemCode(
        "unknown_entry",
        404,
        "There is no such entry",
        "No entry of the type has this id, or it lies in the trash.",
        "Check the id, and which environment it comes from.",
    ),
)


def api_blueprint(cms: Cms) -> ApiBlueprint:
    """Routes for every declared type, so that each has a schema and filters of its own."""
    api = ApiBlueprint(
        "content",
        __name__,
        url_prefix="/api/v1/content",
        description="Published content, as editors wrote it; and drafts, by a scope of their own.",
        codes=CODES,
    )
    for content_type in cms.types:
        _add_routes(api, cms, content_type)
    return api


def _add_routes(api: ApiBlueprint, cms: Cms, content_type: ContentType) -> None:
    name = content_type.name
    answer = answer_schema(content_type)
    api.endpoint(
        "GET",
        f"/{name}",
        summary=f"List published entries of the type {name}",
        description="Newest first unless `sort` says otherwise. Filters narrow each other down.",
        access=needs(CONTENT_READ) | customer(),
        query=list_query(content_type),
        response=answer,
        paged=True,
        etag=True,
        private=False,
    )(_named(f"list_{name}", _list_view(cms, content_type)))
    api.endpoint(
        "GET",
        f"/{name}/<slug>",
        summary=f"Read one published entry of the type {name}",
        description="An address that the entry had before, or has in another language, answers "
        "too: then `slug` is the present one, and storefronts redirect to it.",
        access=needs(CONTENT_READ) | customer(),
        query=entry_query(content_type),
        response=answer,
        etag=True,
        private=False,
        problems=("entry_not_published",),
    )(_named(f"read_{name}", _entry_view(cms, content_type)))
    api.endpoint(
        "GET",
        f"/{name}/drafts/<uuid:entry_id>",
        summary=f"Read the draft of an entry of the type {name}",
        description="As it would be published now, in exactly the locale that was asked for.",
        access=needs(DRAFTS_READ),
        response=draft_schema(content_type),
        private=True,
        problems=("unknown_entry",),
    )(_named(f"read_{name}_draft", _draft_view(cms, content_type)))


def _list_view(cms: Cms, content_type: ContentType) -> Callable[..., Any]:
    def view(call: Call, query: dict[str, Any]) -> Any:
        statement = cms.reader.listing(
            content_type.name,
            locale=call.locale,
            fallback=query["fallback"] == "auto",
            filters=filters_of(query),
        )
        name = query["sort"].lstrip("-")
        direction = "desc" if query["sort"].startswith("-") else "asc"
        key = (
            getattr(Published, name)
            if name in BUILT_IN_SORTS
            else cms.reader.sort_key(content_type.by_name[name])
        )
        page = paginate(call, statement, keys=[(key, direction), (Published.entry_id, direction)])
        call.cache_tags(f"cms-{content_type.name}")
        for _body, entry_id, _locale in page.items[:MAX_TAGGED]:
            call.cache_tags(f"cms-entry-{entry_id}")
        answer = {
            "data": [_pick(body, query["fields"]) for body, _entry_id, _locale in page.items],
            "page": {"next": page.next},
            "meta": {} if page.count is None else {"count": page.count},
        }
        return call.reply(raw=orjson.dumps(answer), headers=_cache_headers(cms))

    return view


def _entry_view(cms: Cms, content_type: ContentType) -> Callable[..., Any]:
    def view(call: Call, slug: str, query: dict[str, Any]) -> Any:
        fallback = query["fallback"] == "auto"
        only = query["fields"]
        held = set() if only else call.preconditions.if_none_match.as_set(include_weak=True)
        found = cms.reader.answer(
            call.session,
            content_type.name,
            slug,
            locale=call.locale,
            fallback=fallback,
            held=held,
        )
        if found is None:
            raise _not_published(content_type, slug)
        call.cache_tags(*cache_tags_of(content_type.name, found.entry_id))
        headers = _cache_headers(cms) | {"Content-Language": found.locale}
        if found.slug != slug:
            endpoint = f"content.read_{content_type.name}"
            headers["Content-Location"] = url_for(endpoint, slug=found.slug, locale=found.locale)
        if only:
            body = orjson.dumps(_pick(found.body or b"", only))
            return call.reply(raw=body, headers=headers)
        return call.reply(raw=found.body or b"", etag=found.etag, headers=headers)

    return view


def _draft_view(cms: Cms, content_type: ContentType) -> Callable[..., Any]:
    def view(call: Call, entry_id: uuid.UUID) -> Any:
        entry = call.session.get(Entry, entry_id)
        if entry is None or entry.type != content_type.name or entry.trashed_at is not None:
            raise unknown_entry()
        revision = call.session.get(Revision, entry.head_revision_id)
        assert revision is not None
        state = call.session.get(EntryLocale, (entry_id, call.locale))
        rendered = cms.renderer.render(
            call.session,
            content_type,
            entry_id=entry_id,
            document=revision.document,
            locale=call.locale,
            published_at=None if state is None else state.first_published_at,
            updated_at=revision.created_at,
            draft=True,
        )
        return call.reply(raw=rendered.body, etag=rendered.etag)

    return view


def _pick(body: bytes, names: tuple[str, ...]) -> Any:
    """The stored bytes as they are, or only some members of them."""
    if not names:
        return orjson.Fragment(body)
    document = orjson.loads(body)
    return {name: document[name] for name in (*ALWAYS, *names)}


def _cache_headers(cms: Cms) -> dict[str, str]:
    fresh, stale = cms.settings["max_age_seconds"], cms.settings["stale_seconds"]
    return {"Cache-Control": f"public, max-age={fresh}, stale-while-revalidate={stale}"}


def _not_published(content_type: ContentType, slug: str) -> NotFound:
    return NotFound(
        f"No {content_type.name} is live under the slug {slug!r} in the locale that was asked "
        "for, or in one that it falls back to; check both, or ask for the list",
        code="entry_not_published",
    )


def _named(name: str, view: Callable[..., Any]) -> Callable[..., Any]:
    """A view under the name that its endpoint and its operation in OpenAPI get."""
    view.__name__ = name
    view.__qualname__ = name
    return view
