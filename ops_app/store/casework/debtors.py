"""Debtors in the store: masks in the open, the rest sealed, keyed hashes to find them by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Select, Table, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from ops_app.domain.casework.personal import Personal, Term, folded, masked_name, masked_number, terms_of
from ops_app.store import driver
from ops_app.store.casework.keys import PersonalKey
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases, debtor_details, debtor_terms, debtors

PUSHED_MARK = "pushed"
"""The mark of a debtor of whom no file said anything yet."""


@dataclass(frozen=True)
class DebtorData:
    """What the feeds say of a customer; ``content_mark`` tells whether anything changed since, without telling what.
    The dates are those of the files, where any says something."""

    debtor_key: str
    source_code: str
    customer_id: str
    personal: Personal
    language: str | None
    timezone: str | None
    content_mark: str
    customer_date: date | None = None
    contacts_date: date | None = None


def marks(connection: Connection) -> list[tuple[str, str]]:
    """Debtor and the mark of the content that is kept."""
    rows: Any = connection.execute(select(debtors.c.debtor_key, debtors.c.content_mark))
    return [tuple(row) for row in rows]


def sealed_with(connection: Connection) -> str | None:
    """The id of the key that sealed what is there; ``None`` where nothing is."""
    found: str | None = connection.execute(select(debtor_details.c.key_id).limit(1)).scalar()
    return found


def sealed(connection: Connection, debtor_key: str) -> str | None:
    """The sealed details of a debtor; only the service that un-masks asks for them."""
    found: str | None = connection.execute(
        select(debtor_details.c.sealed).where(debtor_details.c.debtor_key == debtor_key)
    ).scalar()
    return found


def language_of(connection: Connection, debtor_key: str) -> tuple[str | None, str | None]:
    """The language and the time zone of a debtor."""
    row = connection.execute(
        select(debtors.c.language, debtors.c.timezone).where(debtors.c.debtor_key == debtor_key)
    ).first()
    return (row.language, row.timezone) if row else (None, None)


def known(connection: Connection, key: PersonalKey, debtor_keys: Collection[str]) -> list[DebtorData]:
    """What is kept of those of these debtors that have a case, empty where nothing is. Raises ``NoKey``."""
    found = []
    for some in chunks(sorted(debtor_keys)):
        rows = connection.execute(
            select(
                cases.c.debtor_key, cases.c.source_code, cases.c.customer_id, debtors.c.language, debtors.c.timezone,
                debtors.c.content_mark, debtor_details.c.sealed,
            )
            .distinct()
            .outerjoin(debtors, debtors.c.debtor_key == cases.c.debtor_key)
            .outerjoin(debtor_details, debtor_details.c.debtor_key == cases.c.debtor_key)
            .where(cases.c.debtor_key.in_(list(some)))
        )  # fmt: skip
        found += [
            DebtorData(
                row.debtor_key, row.source_code, row.customer_id,
                Personal() if row.sealed is None else key.open(row.debtor_key, row.sealed),
                row.language, row.timezone, row.content_mark or PUSHED_MARK,
            )
            for row in rows
        ]  # fmt: skip
    return found


def found_by(term: Term, term_hash: str) -> Select[Any]:
    """The debtors that have a term, as a query to look within."""
    return select(debtor_terms.c.debtor_key).where(
        debtor_terms.c.term == term.value, debtor_terms.c.term_hash == term_hash
    )


def put(connection: Connection, key: PersonalKey, rows: Sequence[DebtorData]) -> None:
    """Enter or renew debtors: masks, sealed details and terms."""
    for some in chunks(rows):
        keys = [one.debtor_key for one in some]
        upsert(connection, debtors, ("debtor_key",), [_shown(key, one) for one in some])
        upsert(
            connection,
            debtor_details,
            ("debtor_key",),
            [
                {"debtor_key": one.debtor_key, "key_id": key.key_id, "sealed": key.seal(one.debtor_key, one.personal)}
                for one in some
            ],
        )
        connection.execute(delete(debtor_terms).where(debtor_terms.c.debtor_key.in_(keys)))
        terms = [
            {"term": term.value, "term_hash": key.blind(term, text), "debtor_key": one.debtor_key}
            for one in some
            for term, text in sorted(terms_of(one.personal))
        ]
        if terms:
            connection.execute(insert(debtor_terms), terms)


def _shown(key: PersonalKey, one: DebtorData) -> dict[str, object]:
    person, identity = one.personal, one.personal.national_id
    return {
        "debtor_key": one.debtor_key,
        "source_code": one.source_code,
        "customer_id": one.customer_id,
        "name_masked": masked_name(person.name),
        "national_id_masked": masked_number(identity),
        "phone_masked": masked_number(person.phones[0] if person.phones else None),
        "person_hash": key.blind(Term.NATIONAL_ID, folded(Term.NATIONAL_ID, identity)) if identity else None,
        "language": one.language,
        "timezone": one.timezone,
        "content_mark": one.content_mark,
    }


def upsert(connection: Connection, table: Table, key: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or change those whose ``key`` is there."""
    if rows:
        driver.write(connection, _upserting(connection.dialect.name, table, tuple(key), tuple(rows[0])), rows)


@cache
def _upserting(kind: str, table: Table, key: tuple[str, ...], columns: tuple[str, ...]) -> Any:
    """The statement; made once for each table, for making it costs more than running it."""
    dialect: Any = postgresql if kind == "postgresql" else sqlite
    statement = dialect.insert(table)
    others = {name: statement.excluded[name] for name in columns if name not in key}
    return statement.on_conflict_do_update(index_elements=list(key), set_=others)
