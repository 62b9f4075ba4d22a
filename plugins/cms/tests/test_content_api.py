"""The content API answers stored bytes, with validators, languages, filters and clear refusals."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from dxp.api import Platform
from dxp.testing import DxpClient, SettableClock
from dxp_cms.richtext import blocks
from dxp_cms.services import Cms

from .conftest import EDITOR, article, change

Write = Callable[..., uuid.UUID]
CountQueries = Callable[[], AbstractContextManager[Any]]
ARTICLES = "/api/v1/content/article"


@pytest.fixture
def shop(client: DxpClient) -> DxpClient:
    """A storefront that may read content."""
    return client.as_key("content.read")


def titles(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json["data"]]


def test_a_published_article_is_answered_with_json_and_html_of_its_text(
    shop: DxpClient, write: Write
) -> None:
    """The storefront gets everything it needs to show the page in one answer."""
    entry_id = write(
        article("Spring has come", shared={"category": "news", "tags": ["spring"]}),
        publish=["en"],
    )
    answer = shop.get(f"{ARTICLES}/spring-has-come")
    assert answer.status_code == 200, answer.text
    body = answer.json
    assert body["id"] == str(entry_id)
    assert body["title"] == "Spring has come"
    assert body["body"]["html"] == "<p>About Spring has come.</p>"
    assert body["body"]["json"] == blocks("About Spring has come.")
    assert (body["category"], body["tags"], body["featured"]) == ("news", ["spring"], False)
    assert (body["locale"], body["slug"]) == ("en", "spring-has-come")
    assert answer.headers["Content-Language"] == "en"
    assert answer.headers["Cache-Control"].startswith("public, max-age=60")
    assert f"cms-entry-{entry_id}" in answer.headers["Cache-Tag"].split(",")
    assert "Accept-Language" in answer.headers["Vary"]


def test_a_customer_reads_content_too_and_a_stranger_does_not(
    client: DxpClient, write: Write
) -> None:
    write(publish=["en"])
    assert client.as_customer().get(f"{ARTICLES}/spring").status_code == 200
    assert client.get(f"{ARTICLES}/spring").status_code == 401
    assert client.as_key("content.drafts.read").get(f"{ARTICLES}/spring").status_code == 403


def test_who_has_the_bytes_gets_304_and_their_validator_changes_with_the_content(
    shop: DxpClient, write: Write, cms: Cms, platform: Platform
) -> None:
    entry_id = write(publish=["en"])
    first = shop.get(f"{ARTICLES}/spring")
    again = shop.get(f"{ARTICLES}/spring", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    change(platform, cms, entry_id, {"en.summary": "New."}, publish=["en"])
    changed = shop.get(f"{ARTICLES}/spring", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.json["summary"] == "New."


def test_an_entry_takes_one_query_and_a_held_one_does_not_read_its_body(
    shop: DxpClient, write: Write, count_queries: CountQueries
) -> None:
    """Who asks is looked up too; of the plugin's own tables there is one statement."""
    write(publish=["en"])
    etag = shop.get(f"{ARTICLES}/spring").headers["ETag"]
    for headers in ({}, {"If-None-Match": etag}):
        with count_queries() as queries:
            shop.get(f"{ARTICLES}/spring?locale=fa", headers=headers)
        own = [text for text in queries.statements if "cms_" in text]
        assert len(own) == 1, own
    assert "CASE WHEN" in own[0]


def test_a_list_with_filter_and_sort_takes_one_query_and_two_with_a_count(
    shop: DxpClient, write: Write, count_queries: CountQueries
) -> None:
    for number in range(3):
        write(article(f"No {number}", shared={"category": "news"}), publish=["en"])
    for count, allowed in (("false", 1), ("true", 2)):
        with count_queries() as queries:
            answer = shop.get(
                f"{ARTICLES}?filter[category]=news&sort=reading_minutes&count={count}&locale=fr"
            )
        assert len(answer.json["data"]) == 3
        assert len([text for text in queries.statements if "cms_" in text]) == allowed
    assert answer.json["meta"] == {"count": 3}


def test_drafts_and_taken_off_entries_are_not_found(
    shop: DxpClient, write: Write, cms: Cms, platform: Platform
) -> None:
    write(article("Only a draft"))
    entry_id = write(article("Was live"), publish=["en"])
    with platform.db.write() as session:
        cms.publishing.unpublish(session, EDITOR, entry_id=entry_id, locale="en")
    for slug in ("only-a-draft", "was-live", "never-written"):
        answer = shop.get(f"{ARTICLES}/{slug}")
        assert (answer.status_code, answer.json["code"]) == (404, "entry_not_published")
    assert shop.get(ARTICLES).json["data"] == []


def test_an_unknown_type_is_404_and_an_unknown_parameter_400(shop: DxpClient) -> None:
    assert shop.get("/api/v1/content/novel").status_code == 404
    for query in ("colour=red", "filter[colour]=red", "filter[category][like]=n"):
        answer = shop.get(f"{ARTICLES}?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameter")
        assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("filter[category]=sport", "must be one of: news, guide, story"),
        ("filter[reading_minutes][gte]=many", "must be a number"),
        ("filter[day][lt]=yesterday", "must be a date"),
        ("filter[featured]=maybe", "must be true or false"),
        ("sort=colour", "Must be one of"),
        ("fields=title,colour", "Has no field 'colour'"),
        ("fallback=always", "Must be one of"),
    ],
)
def test_a_value_that_does_not_fit_its_parameter_is_refused_with_what_would_fit(
    shop: DxpClient, query: str, said: str
) -> None:
    answer = shop.get(f"{ARTICLES}?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameter")
    assert said in answer.json["errors"][0]["detail"]


def test_filters_narrow_each_other_down(shop: DxpClient, write: Write) -> None:
    write(
        article(
            "Tulips",
            shared={"category": "guide", "reading_minutes": 5, "tags": ["spring", "garden"]},
        ),
        publish=["en"],
    )
    write(
        article("Roses", shared={"category": "guide", "reading_minutes": 9, "featured": True}),
        publish=["en"],
    )
    write(article("Rain", shared={"category": "news", "day": "2026-03-01"}), publish=["en"])
    ask = lambda query: titles(shop.get(f"{ARTICLES}?sort=published_at&{query}"))  # noqa: E731
    assert ask("filter[category]=guide") == ["Tulips", "Roses"]
    assert ask("filter[category]=guide&filter[reading_minutes][gt]=5") == ["Roses"]
    assert ask("filter[reading_minutes][lte]=5") == ["Tulips"]
    assert ask("filter[category][in]=news,story") == ["Rain"]
    assert ask("filter[tags]=garden") == ["Tulips"]
    assert ask("filter[featured]=true") == ["Roses"]
    assert ask("filter[featured]=false") == ["Tulips", "Rain"]
    assert ask("filter[day][gte]=2026-02-01") == ["Rain"]


def test_lists_are_sorted_and_paged_without_losing_or_repeating_an_entry(
    shop: DxpClient, write: Write, clock: SettableClock
) -> None:
    for number, minutes in enumerate((5, None, 3, 5, 8)):
        clock.advance(hours=1)
        shared = {} if minutes is None else {"reading_minutes": minutes}
        write(article(f"No {number}", shared=shared), publish=["en"])
    for sort, expected in (
        ("", ["No 4", "No 3", "No 2", "No 1", "No 0"]),
        ("sort=published_at", ["No 0", "No 1", "No 2", "No 3", "No 4"]),
        ("sort=-reading_minutes", ["No 4", "No 3", "No 0", "No 2", "No 1"]),
    ):
        seen: list[str] = []
        cursor = ""
        while True:
            page = shop.get(f"{ARTICLES}?{sort}&limit=2{cursor}")
            seen += titles(page)
            if page.json["page"]["next"] is None:
                break
            cursor = f"&cursor={page.json['page']['next']}"
        assert seen == expected


def test_a_reader_gets_the_nearest_language_and_may_insist_on_one(
    shop: DxpClient, write: Write, cms: Cms, platform: Platform
) -> None:
    entry_id = write(article("Spring"), publish=["en"])
    answer = shop.get(f"{ARTICLES}/spring?locale=fa")
    assert (answer.json["locale"], answer.headers["Content-Language"]) == ("en", "en")
    assert shop.get(f"{ARTICLES}/spring?locale=fa&fallback=none").status_code == 404
    change(
        platform,
        cms,
        entry_id,
        {"fa.title": "بهار", "fa.slug": "بهار", "fa.body": blocks("گل")},
        publish=["fa"],
    )
    persian = shop.get(f"{ARTICLES}/بهار?locale=fa")
    assert (persian.json["title"], persian.json["locale"]) == ("بهار", "fa")
    by_english_address = shop.get(f"{ARTICLES}/spring?locale=fa")
    assert by_english_address.json["title"] == "بهار"
    assert by_english_address.headers["Content-Location"].endswith("locale=fa")
    assert titles(shop.get(f"{ARTICLES}?locale=fa")) == ["بهار"]
    assert titles(shop.get(f"{ARTICLES}?locale=fr")) == ["Spring"]
    assert titles(shop.get(f"{ARTICLES}?locale=fr&fallback=none")) == []


def test_only_the_wanted_members_come_when_fields_are_named(shop: DxpClient, write: Write) -> None:
    entry_id = write(publish=["en"])
    wanted = {"id": str(entry_id), "type": "article", "locale": "en", "title": "Spring"}
    assert shop.get(f"{ARTICLES}/spring?fields=title").json == wanted
    assert shop.get(f"{ARTICLES}?fields=title").json["data"] == [wanted]


def test_a_former_address_still_answers_and_names_the_present_one(
    shop: DxpClient, write: Write, cms: Cms, platform: Platform
) -> None:
    entry_id = write(article("Spring"), publish=["en"])
    change(platform, cms, entry_id, {"en.slug": "spring-2026"}, publish=["en"])
    answer = shop.get(f"{ARTICLES}/spring")
    assert (answer.status_code, answer.json["slug"]) == (200, "spring-2026")
    assert "/spring-2026" in answer.headers["Content-Location"]
    other = write(article("Other", slug="spring"), publish=["en"])
    assert shop.get(f"{ARTICLES}/spring").json["id"] == str(other)
    assert shop.get(f"{ARTICLES}/spring-2026").json["id"] == str(entry_id)


def test_a_draft_is_read_by_its_own_scope_and_never_cached(
    client: DxpClient, write: Write, cms: Cms, platform: Platform
) -> None:
    entry_id = write(article("Spring"), publish=["en"])
    change(platform, cms, entry_id, {"en.title": "Late spring"})
    url = f"{ARTICLES}/drafts/{entry_id}"
    assert client.as_key("content.read").get(url).status_code == 403
    reader = client.as_key("content.drafts.read")
    answer = reader.get(url)
    assert (answer.json["title"], answer.json["draft"]) == ("Late spring", True)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert reader.get(f"/api/v1/content/banner/drafts/{entry_id}").json["code"] == "unknown_entry"
    assert reader.get(f"{ARTICLES}/drafts/{uuid.uuid4()}").status_code == 404


def test_openapi_describes_each_type_with_its_own_filters(client: DxpClient) -> None:
    """A client generator sees literal parameters and the fields of the type."""
    document = client.get("/api/openapi.json").json
    listing = document["paths"]["/api/v1/content/article"]["get"]
    names = {item["name"] for item in listing["parameters"] if "name" in item}
    assert {"filter[category]", "filter[reading_minutes][gte]", "sort", "fallback"} <= names
    schemas = {item["name"]: item["schema"] for item in listing["parameters"] if "name" in item}
    assert schemas["filter[category]"] == {"type": "string", "enum": ["news", "guide", "story"]}
    assert schemas["filter[reading_minutes][gte]"] == {"type": "number"}
    schema = document["components"]["schemas"]["CmsArticle"]
    assert schema["properties"]["body"]["description"] == "Text"
    assert {"CmsBanner", "CmsFaq", "CmsArticleDraft"} <= set(document["components"]["schemas"])
