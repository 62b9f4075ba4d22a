"""Which column of a file is which field: guessed by name in four languages, then by content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dxp.api import Platform
from dxp.api import lazy_gettext as _l
from dxp_crm.models import FieldDefinition
from dxp_crm.services.folding import fold
from dxp_crm.services.importing import cells
from dxp_crm.services.importing.cells import Parse
from dxp_crm.services.texts import in_locale

_CONSENT = "consent:"
CUSTOM = "fields."
_CUSTOM_PARSERS: Mapping[str, Parse] = {
    "number": cells.number,
    "integer": cells.number,
    "boolean": cells.yes_no,
    "date": cells.day,
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """What a column can be.

    Attributes:
        name: as the API has it; unique among the fields of one kind of import.
        label: for people.
        parse: from the text of a cell to a value; raises `CellFault`.
        names: headings that mean it, in any language; compared without regard to case and marks.
        looks: whether a cell looks like a value of it, for columns whose heading says nothing.
        required: whether an import without it makes no sense.
    """

    name: str
    label: Any
    parse: Parse = cells.text
    names: Sequence[str] = ()
    looks: Callable[[str], bool] | None = None
    required: bool = False


def customer_fields(platform: Platform) -> list[Field]:
    """What a column of a file of customers can be."""
    locales = platform.settings.locale.available
    return [
        Field(
            name="ref",
            label=_l("Number in the shop"),
            names=[
                "reference",
                "id",
                "customer",
                "customer id",
                "customer no",
                "customer number",
                "client",
                "client id",
                "numéro client",
                "n° client",
                "no client",
                "référence",
                "référence client",
                "رقم العميل",
                "معرف العميل",
                "الرقم",
                "العميل",
                "مشتری",
                "شماره مشتری",
                "کد مشتری",
                "شناسه",
                "شماره",
            ],
        ),
        Field(
            name="email",
            label=_l("E-mail"),
            names=[
                "e mail",
                "mail",
                "email address",
                "e mail address",
                "courriel",
                "adresse e mail",
                "adresse mail",
                "البريد الإلكتروني",
                "البريد",
                "الايميل",
                "ایمیل",
                "رایانامه",
                "پست الکترونیک",
            ],
            looks=re.compile(r"[^@\s]+@[^@\s]+\.\w+\Z").match,  # type: ignore[arg-type]
        ),
        Field(
            name="name",
            label=_l("Name"),
            names=[
                "full name",
                "customer name",
                "nom",
                "nom complet",
                "الاسم",
                "اسم العميل",
                "نام",
                "نام کامل",
            ],
        ),
        Field(
            name="first_name",
            label=_l("First name"),
            names=["first name", "given name", "forename", "prénom", "الاسم الأول", "نام کوچک"],
        ),
        Field(
            name="last_name",
            label=_l("Last name"),
            names=[
                "last name",
                "surname",
                "family name",
                "nom de famille",
                "اسم العائلة",
                "نام خانوادگی",
            ],
        ),
        Field(
            name="phone",
            label=_l("Phone"),
            names=[
                "telephone",
                "phone number",
                "mobile",
                "téléphone",
                "tél",
                "portable",
                "الهاتف",
                "رقم الهاتف",
                "الجوال",
                "تلفن",
                "موبایل",
                "شماره تلفن",
            ],
            looks=re.compile(r"\+\d[\d\s().-]{6,20}\Z").match,  # type: ignore[arg-type]
        ),
        Field(
            name="locale",
            label=_l("Language"),
            names=["lang", "language code", "langue", "اللغة", "زبان"],
            looks=lambda cell: cell in locales,
        ),
        Field(
            name="country",
            label=_l("Country"),
            parse=cells.upper,
            names=["country code", "pays", "الدولة", "البلد", "کشور"],
            looks=re.compile(r"[A-Z]{2}\Z").match,  # type: ignore[arg-type]
        ),
        Field(
            name="timezone",
            label=_l("Time zone"),
            names=["time zone", "tz", "fuseau horaire", "المنطقة الزمنية", "منطقه زمانی"],
            looks=re.compile(r"[A-Z]\w+/[A-Z]\w+").match,  # type: ignore[arg-type]
        ),
        Field(
            name="tags",
            label=_l("Tags"),
            parse=cells.words,
            names=[
                "tag",
                "labels",
                "étiquettes",
                "mots clés",
                "الوسوم",
                "وسوم",
                "برچسب",
                "برچسب ها",
            ],
        ),
        Field(
            name="birthday",
            label=_l("Birthday"),
            parse=cells.birthday,
            names=[
                "birth date",
                "birthdate",
                "date of birth",
                "dob",
                "anniversaire",
                "date de naissance",
                "تاريخ الميلاد",
                "عيد الميلاد",
                "تاریخ تولد",
                "تولد",
            ],
        ),
        _consent("birthday", _l("Consent to birthday gifts"), "birthday consent"),
        _consent("marketing", _l("Consent to marketing"), "newsletter,opt in,marketing consent"),
        _consent("profiling", _l("Consent to a personal selection"), "profiling consent"),
    ]


def membership_fields() -> list[Field]:
    """To which organisation a customer belongs."""
    return [
        Field(
            name="organisation",
            label=_l("Number of the organisation"),
            names=[
                "company",
                "company number",
                "organisation",
                "organization",
                "organisation number",
                "entreprise",
                "société",
                "numéro entreprise",
                "الشركة",
                "المؤسسة",
                "رقم الشركة",
                "شرکت",
                "سازمان",
                "شماره شرکت",
            ],
        ),
        Field(
            name="organisation_role",
            label=_l("Role in the organisation"),
            parse=cells.role,
            names=[
                "role",
                "position",
                "job",
                "fonction",
                "poste",
                "الوظيفة",
                "المنصب",
                "سمت",
                "نقش",
            ],
        ),
    ]


def organisation_fields() -> list[Field]:
    """What a column of a file of organisations can be."""
    return [
        Field(
            name="number",
            label=_l("Number in the shop"),
            names=[
                "id",
                "ref",
                "reference",
                "company number",
                "organisation number",
                "organisation",
                "company id",
                "numéro",
                "référence",
                "رقم",
                "الرقم",
                "رقم الشركة",
                "شماره",
                "کد",
                "شماره شرکت",
            ],
            required=True,
        ),
        Field(
            name="name",
            label=_l("Name"),
            names=[
                "company",
                "company name",
                "organisation name",
                "nom",
                "raison sociale",
                "entreprise",
                "société",
                "الاسم",
                "اسم الشركة",
                "الشركة",
                "نام",
                "نام شرکت",
                "شرکت",
            ],
        ),
        Field(
            name="country",
            label=_l("Country"),
            parse=cells.upper,
            names=["country code", "pays", "الدولة", "البلد", "کشور"],
            looks=re.compile(r"[A-Z]{2}\Z").match,  # type: ignore[arg-type]
        ),
        Field(
            name="tags",
            label=_l("Tags"),
            parse=cells.words,
            names=["tag", "labels", "étiquettes", "mots clés", "الوسوم", "وسوم", "برچسب"],
        ),
    ]


def custom_fields(
    platform: Platform, definitions: Sequence[FieldDefinition], locale: str
) -> list[Field]:
    """The fields that staff defined, known by key and by their label in any language."""
    return [
        Field(
            name=f"{CUSTOM}{item.key}",
            label=in_locale(platform, item.labels, locale) or item.key,
            parse=_CUSTOM_PARSERS.get(item.type, cells.text),
            names=[item.key, *item.labels.values()],
        )
        for item in definitions
    ]


def _consent(purpose: str, label: Any, names: str) -> Field:
    return Field(
        name=f"{_CONSENT}{purpose}", label=label, parse=cells.yes_no, names=names.split(",")
    )


def purpose_of(name: str) -> str | None:
    """The purpose that a field grants or withdraws; None for other fields."""
    return name.removeprefix(_CONSENT) if name.startswith(_CONSENT) else None


EVENT_NAMES: Mapping[str, str] = {
    "order_id": (
        "order,order number,order no,commande,numéro de commande,رقم الطلب,الطلب,شماره سفارش,سفارش"
    ),
    "occurred_at": (
        "date,time,moment,order date,created at,ordered at,date de commande,date de la commande,"
        "التاريخ,تاريخ الطلب,تاریخ,تاریخ سفارش"
    ),
    "total": "amount,sum,price,order total,montant,total ttc,prix,المبلغ,الإجمالي,مبلغ,جمع,مبلغ کل",
    "currency": "currency code,devise,monnaie,العملة,ارز,واحد پول",
    "channel": "sales channel,canal,القناة,کانال",
    "id": "event id,event,identifiant,المعرف,شناسه رویداد",
}


def key_of(headings: Sequence[str], kind: str) -> str:
    """By which a mapping is remembered: the same headings, in whatever order."""
    text = "\x00".join([kind, *sorted(_plain(heading) for heading in headings)])
    return hashlib.sha256(text.encode()).hexdigest()


def guess(
    headings: Sequence[str], fields: Sequence[Field], samples: Sequence[Sequence[str]]
) -> dict[str, str]:
    """The field of each heading, as far as it can be told; no field twice.

    Args:
        samples: the first rows, as cells.
    """
    by_name: dict[str, str] = {}
    for item in fields:
        for name in (item.name, str(item.label), *item.names):
            by_name.setdefault(_plain(name), item.name)
    found: dict[str, str] = {}
    for heading in headings:
        known = by_name.get(_plain(heading))
        if known is not None and known not in found.values():
            found[heading] = known
    for index, heading in enumerate(headings):
        if heading in found:
            continue
        values = [row[index].strip() for row in samples if index < len(row) and row[index].strip()]
        for item in fields:
            if item.looks is None or item.name in found.values() or not values:
                continue
            if sum(bool(item.looks(value)) for value in values) >= 0.8 * len(values):
                found[heading] = item.name
                break
    return found


def guess_options(samples: Sequence[Sequence[str]]) -> dict[str, str]:
    """How numbers and dates of the file seem to be written."""
    flat = [cells.digits(cell.strip()) for row in samples for cell in row]
    comma = any(re.fullmatch(r"-?\d+(?:[.\s]\d{3})*,\d{1,2}", cell) for cell in flat)
    dates = [
        (int(found[1]), int(found[2]))
        for cell in flat
        if (found := re.match(r"(\d{1,2})[/.\-](\d{1,2})[/.\-]\d{4}", cell))
    ]
    month_first = any(second > 12 for _first, second in dates)
    return {"decimal": "," if comma else ".", "dates": "mdy" if month_first else "dmy"}


def _plain(text: str) -> str:
    return "".join(letter for letter in fold(text) if letter.isalnum())
