"""A plugin that sells books, through which the frame is seen to work."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from flask import Flask
from marshmallow import RAISE, Schema, fields, validate
from sqlalchemy import MetaData, func, inspect, select, table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.test import TestResponse

from dxp.api import (
    Actor,
    ActorContext,
    ApiBlueprint,
    AuthorizeContext,
    Base,
    Call,
    Conflict,
    Fragment,
    FragmentContext,
    HealthCheck,
    HealthContext,
    Id,
    Page,
    Permission,
    Platform,
    Plugin,
    Routes,
    StartContext,
    Unprocessable,
    anyone,
    customer,
    needs,
    paginate,
    signed_in,
)
from dxp.auth.actors import KeyActor
from dxp.testing.client import DxpClient
from dxp.web.etag import etag_of
from dxp.web.problem_codes import ProblemCode

CheckProblem = Callable[..., Mapping[str, Any]]


class Local(DeclarativeBase):
    """Apart from the platform's metadata, where other tests would find tables without an owner."""

    metadata = MetaData()
    type_annotation_map = Base.registry.type_annotation_map


class Book(Local):
    """Something to list, change and sell."""

    __tablename__ = "books_book"

    id: Mapped[Id]
    title: Mapped[str]
    shelf: Mapped[int]
    note: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    stock: Mapped[int] = mapped_column(default=0)


class BookIn(Schema):
    class Meta:
        unknown = RAISE

    title = fields.String(required=True, validate=validate.Length(1, 50))
    shelf = fields.Integer(load_default=0)
    price = fields.Decimal(load_default=None)
    published_at = fields.DateTime(load_default=None)


class BookOut(Schema):
    id = fields.UUID(required=True)
    title = fields.String(required=True)
    shelf = fields.Integer(required=True)


class BookQuery(Schema):
    shelf = fields.Integer(data_key="filter[shelf]")


class SaleIn(Schema):
    class Meta:
        unknown = RAISE

    book_id = fields.UUID(required=True)
    count = fields.Integer(required=True, strict=True, validate=validate.Range(1, 100))


class SaleOut(Schema):
    book_id = fields.UUID(required=True)
    left = fields.Integer(required=True)


def books_api() -> ApiBlueprint:
    """Made anew for each application, as tests register it many times."""
    api = ApiBlueprint(
        "books",
        __name__,
        url_prefix="/api/v1/books",
        description="Books.",
        codes=(
            ProblemCode("sold_out", 422, "Sold out", "There are not as many left.", "Buy fewer."),
        ),
    )

    _add_shelves(api)
    _add_till(api)
    _add_oddities(api)
    return api


def _add_shelves(api: ApiBlueprint) -> None:
    @api.endpoint(
        "GET",
        "",
        summary="List books",
        access=needs("books.read"),
        query=BookQuery,
        response=BookOut,
        paged=True,
    )
    def list_books(call: Call, query: dict[str, Any]) -> Page:
        stmt = select(Book)
        if "shelf" in query:
            stmt = stmt.where(Book.shelf == query["shelf"])
        return paginate(call, stmt, keys=[(Book.shelf, "asc"), (Book.id, "desc")])

    @api.endpoint(
        "POST",
        "",
        summary="Add a book",
        access=needs("books.write"),
        body=BookIn,
        response=BookOut,
        status=201,
    )
    def add_book(call: Call, body: dict[str, Any]) -> Any:
        book = Book(title=body["title"], shelf=body["shelf"])
        call.session.add(book)
        call.session.flush()
        return call.reply(book, headers={"Location": f"/api/v1/books/{book.id}"})

    @api.endpoint(
        "GET",
        "/<uuid:book_id>",
        summary="Read a book",
        access=needs("books.read"),
        response=BookOut,
        etag=True,
        private=False,
    )
    def read_book(call: Call, book_id: uuid.UUID) -> Any:
        book = call.session.get_one(Book, book_id)
        call.cache_tags(f"book:{book_id}")
        return call.reply(book, etag=etag_of(book.id, book.version))

    @api.endpoint(
        "PUT",
        "/<uuid:book_id>",
        summary="Change a book",
        access=needs("books.write"),
        body=BookIn,
        response=BookOut,
        etag=True,
    )
    def change_book(call: Call, body: dict[str, Any], book_id: uuid.UUID) -> Any:
        book = call.session.get_one(Book, book_id)
        call.check_match(etag_of(book.id, book.version))
        book.title, book.version = body["title"], book.version + 1
        return call.reply(book, etag=etag_of(book.id, book.version))


def _add_till(api: ApiBlueprint) -> None:
    @api.endpoint(
        "POST",
        "/sales",
        summary="Sell a book",
        access=needs("books.write") | customer(),
        body=SaleIn,
        response=SaleOut,
        status=201,
        idempotent=True,
        problems=("sold_out",),
    )
    def sell(call: Call, body: dict[str, Any]) -> Any:
        book = call.session.get_one(Book, body["book_id"])
        book.stock -= body["count"]
        call.session.flush()
        if body["count"] == 13:
            raise RuntimeError("the secret of the till")
        if book.stock < 0:
            raise Unprocessable(
                "The sale was refused, because not as many are left; buy fewer", code="sold_out"
            )
        return {"book_id": book.id, "left": book.stock}

    @api.endpoint(
        "POST",
        "/<uuid:book_id>/lend",
        summary="Lend a book",
        access=needs("books.write"),
        response=SaleOut,
        idempotent=True,
    )
    def lend(call: Call, book_id: uuid.UUID) -> Any:
        book = call.session.get_one(Book, book_id)
        book.stock -= 1
        return {"book_id": book.id, "left": book.stock}


def _add_oddities(api: ApiBlueprint) -> None:
    @api.endpoint("GET", "/crash", summary="Crash", access=anyone())
    def crash(call: Call) -> Any:
        raise RuntimeError("the secret of the till")

    @api.endpoint("GET", "/hashed", summary="Read by hash", access=anyone(), etag=True)
    def hashed(call: Call) -> Any:
        return {"locale": call.locale}

    @api.endpoint("GET", "/mine", summary="Read one's own", access=customer())
    def mine(call: Call) -> Any:
        return {"actor": call.actor.key}

    @api.endpoint("GET", "/staff", summary="Read as staff", access=signed_in())
    def staff(call: Call) -> Any:
        return {"actor": call.actor.key}

    @api.endpoint("POST", "/open", summary="Post as anybody", access=anyone(), status=204)
    def open_to_all(call: Call) -> None:
        return None

    @api.endpoint("GET", "/undeclared", summary="Refuse oddly", access=anyone())
    def undeclared(call: Call) -> Any:
        raise Conflict("Refused, because it is a test; do nothing", code="never_declared")

    @api.endpoint("GET", "/shelves/<int:shelf>/<name>", summary="Echo", access=anyone())
    def echo(call: Call, shelf: int, name: str) -> Any:
        return {"shelf": shelf, "name": name}


class Books(Plugin):
    """Sells books, knows a credential of its own, and objects to one key."""

    name = "books"

    def permissions(self, ctx: StartContext) -> Sequence[Permission]:
        return [
            Permission(name="books.read", label="Read books"),
            Permission(name="books.write", label="Change books"),
        ]

    def routes(self, ctx: StartContext) -> Routes:
        return Routes(api=[books_api()])

    def resolve_actor(self, ctx: ActorContext) -> Actor | None:
        if ctx.request.headers.get("X-Badge") == "librarian":
            return KeyActor(
                permissions=frozenset({"books.read", "books.write"}),
                key_id=uuid.UUID(int=1),
                name="L",
            )
        return None

    def authorize(self, ctx: AuthorizeContext) -> str | None:
        if isinstance(ctx.actor, KeyActor) and ctx.actor.name == "banned":
            return "The key owes a fine; pay it at the desk"
        return None

    def fragments(self, ctx: FragmentContext) -> Sequence[Fragment]:
        return [Fragment(key="books", values={"lent": 2})] if ctx.slot == "api.me" else []

    def health(self, ctx: HealthContext) -> Sequence[HealthCheck]:
        return [HealthCheck(name="books", ok=True, detail="all on their shelves")]


@pytest.fixture
def app_plugins() -> Sequence[type[Plugin]]:
    return (Books,)


@pytest.fixture
def app(app: Flask, platform: Platform) -> Flask:
    """The application, with the plugin's table."""
    with platform.db.engine.begin() as connection:
        Local.metadata.create_all(connection)
    return app


@pytest.fixture
def keyed(app: Flask, client: DxpClient) -> DxpClient:
    """A client that may do all with books."""
    return client.as_key("books.read", "books.write")


@pytest.fixture
def add_book(app: Flask, platform: Platform) -> Callable[..., uuid.UUID]:
    """`add_book(stock=3)` puts a book into the database."""

    def add(**values: Any) -> uuid.UUID:
        with platform.db.write() as session:
            book = Book(**({"title": "A book", "shelf": 1} | values))
            session.add(book)
            session.flush()
            return book.id

    return add


@pytest.fixture
def book_model(app: Flask) -> type[Book]:
    return Book


@pytest.fixture
def stock_of(platform: Platform) -> Callable[[uuid.UUID], int]:
    def stock(book_id: uuid.UUID) -> int:
        with platform.db.read() as session:
            return session.get_one(Book, book_id).stock

    return stock


@pytest.fixture
def nothing_written(app: Flask, platform: Platform) -> Callable[[], AbstractContextManager[None]]:
    """`with nothing_written(): …` fails when any table has other rows than before."""

    def counts() -> dict[str, int]:
        with platform.db.read() as session:
            names = inspect(session.connection()).get_table_names()
            return {
                name: session.scalar(select(func.count()).select_from(table(name))) or 0
                for name in names
            }

    @contextmanager
    def check() -> Iterator[None]:
        before = counts()
        yield
        assert counts() == before

    return check


@pytest.fixture
def check_problem(client: DxpClient) -> CheckProblem:
    """`check_problem(response, 422, "invalid_body")`: it is a whole, useful problem document."""

    def check(response: TestResponse, status: int, code: str) -> Mapping[str, Any]:
        assert response.status_code == status, response.get_data(as_text=True)
        assert response.content_type == "application/problem+json"
        document = response.get_json()
        assert document["code"] == code, document
        assert document["status"] == status
        assert document["type"] == f"/api/problems/{code}"
        assert document["title"]
        assert document["request_id"] == response.headers["X-Request-Id"]
        assert response.headers["Cache-Control"] == "no-store"
        what, *rest = re.split(r", because |: |; |(?<=[.!?]) ", document["detail"])
        assert what, document["detail"]
        assert len(rest) >= 1, f"neither why nor what to do: {document['detail']}"
        page = client.get(document["type"])
        assert page.status_code == 200
        assert code in page.get_data(as_text=True)
        return document

    return check
