"""Personal data of a debtor: how it is masked, and how a term is written before it is looked up blindly."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from ops_app.domain.errors import Invalid, Refused

TAIL = 4
"""How many last characters a tail search has."""

LEAST_TYPED = {"case_id": 6, "loan_id": 2}
"""How many first characters of a number are typed at least: fewer would find everybody's."""


class PersonalField(StrEnum):
    """A field that can be un-masked, one at a time."""

    NAME = "name"
    NATIONAL_ID = "national_id"
    PHONES = "phones"
    ADDRESS = "address"
    EMPLOYER = "employer"


PERSONAL_FIELD_NAMES: dict[PersonalField, tuple[str, str]] = {
    PersonalField.NAME: ("name", "姓名"),
    PersonalField.NATIONAL_ID: ("national id", "证件号"),
    PersonalField.PHONES: ("phones", "电话"),
    PersonalField.ADDRESS: ("address", "住址"),
    PersonalField.EMPLOYER: ("employer", "工作单位"),
}


class Term(StrEnum):
    """What a case may be searched by."""

    NAME = "name"
    NATIONAL_ID = "national_id"
    PHONE_TAIL = "phone_tail"
    ID_TAIL = "id_tail"
    CASE = "case_id"
    LOAN = "loan_id"


TERM_NAMES: dict[Term, tuple[str, str]] = {
    Term.NAME: ("full name", "姓名（全称）"),
    Term.NATIONAL_ID: ("national id", "证件号"),
    Term.PHONE_TAIL: ("last four of a phone", "手机尾号4位"),
    Term.ID_TAIL: ("last four of the national id", "证件尾号4位"),
    Term.CASE: ("beginning of a case number", "案件号（开头）"),
    Term.LOAN: ("beginning of a loan number", "借据号（开头）"),
}

BLIND = (Term.NAME, Term.NATIONAL_ID, Term.PHONE_TAIL, Term.ID_TAIL)
"""Terms that are looked up by a keyed hash and never stored."""


class DailyLimitReached(Refused):
    """A person has un-masked as many fields as one day of this installation has."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"One person sees {most} fields in full a day, and you have seen them. The next day begins at "
            "midnight; your supervisor was told.",
            f"每人每日最多查看 {most} 个完整字段，您今日已达上限，次日零点后可继续。已通知主管。",
        )


@dataclass(frozen=True)
class Personal:
    """What is known of a debtor in person; every field may be missing."""

    name: str | None = None
    national_id: str | None = None
    phones: tuple[str, ...] = ()
    address: str | None = None
    employer: str | None = None

    def shown(self, field: PersonalField) -> str | None:
        """One field as text."""
        value = getattr(self, field.value)
        return "、".join(value) or None if isinstance(value, tuple) else value


def folded(term: Term, value: str) -> str:
    """``value`` as it is hashed: width and case folded, blanks and marks of writing removed where they mean nothing."""
    text = unicodedata.normalize("NFKC", value).strip()
    if term is Term.NAME:
        return " ".join(text.casefold().split())
    if term is Term.CASE:
        return text.casefold()
    if term is Term.LOAN:
        return text
    kept = re.sub(r"[^0-9A-Za-z]", "", text).upper()
    return kept[-TAIL:] if term in (Term.PHONE_TAIL, Term.ID_TAIL) else kept


def checked_term(term: Term, value: str) -> str:
    """A folded search term; raises ``Invalid`` for one that is empty, too long or no tail of four."""
    text = folded(term, value)
    if term in (Term.PHONE_TAIL, Term.ID_TAIL):
        typed = re.sub(r"[^0-9A-Za-z]", "", unicodedata.normalize("NFKC", value))
        if len(typed) != TAIL:
            raise Invalid(f"Type exactly the last {TAIL} characters.", f"请输入末 {TAIL} 位。", field="text")
    least = LEAST_TYPED.get(term.value, 1)
    if 0 < len(text) < least:
        raise Invalid(f"Type at least the first {least} characters.", f"请至少输入前 {least} 位。", field="text")
    if not 1 <= len(text) <= 200:
        raise Invalid(
            "Type what to look for (at most 200 characters).", "请输入查询内容（最多 200 字）。", field="text"
        )
    return text


def terms_of(one: Personal) -> frozenset[tuple[Term, str]]:
    """Every blind term under which a debtor is found, folded."""
    found = set()
    if one.name:
        found.add((Term.NAME, folded(Term.NAME, one.name)))
    if one.national_id:
        found |= {(term, folded(term, one.national_id)) for term in (Term.NATIONAL_ID, Term.ID_TAIL)}
    found |= {(Term.PHONE_TAIL, folded(Term.PHONE_TAIL, phone)) for phone in one.phones}
    return frozenset((term, text) for term, text in found if text)


def masked_name(name: str | None) -> str | None:
    """The first character; the marks do not tell the length (as the marts mask)."""
    return None if not name else name[0] + "**"


def masked_number(value: str | None) -> str | None:
    """The last four characters of a phone or a national id; nothing of a shorter one."""
    if not value:
        return None
    return "****" + value[-TAIL:] if len(value) > TAIL + 2 else "****"


def masked_text(value: str | None) -> str | None:
    """Nothing but that there is something."""
    return None if not value else "****"
