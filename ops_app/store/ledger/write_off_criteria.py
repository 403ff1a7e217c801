"""Criteria of write-off in the store: versions that people made, never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.write_off_criteria import Criterion, ProofKind, WriteOffPath
from ops_app.store.tables.write_offs import write_off_criteria

_C = write_off_criteria.c


def all_criteria(connection: Connection) -> list[Criterion]:
    """Every version that people made."""
    order = (_C.lender_code, _C.product_code, _C.currency, _C.path, _C.version)
    return [
        Criterion(
            path=WriteOffPath(row.path),
            least_days_past_due=row.least_days_past_due,
            proofs=tuple(ProofKind(one) for one in row.proofs.split()),
            method=row.method,
            starts_date=row.starts_date,
            partial=row.partial,
            least_minor=row.least_minor,
            most_minor=row.most_minor,
            lender_code=row.lender_code,
            product_code=row.product_code,
            currency=row.currency,
            is_open=row.is_open,
            version=row.version,
        )
        for row in connection.execute(select(write_off_criteria).order_by(*order))
    ]


def last_version(connection: Connection, one: Criterion) -> int:
    """The last version of the place of a criterion; 0 where people made none."""
    lender, product, currency, path = one.place
    found = connection.execute(
        select(func.max(_C.version)).where(
            _C.lender_code == lender, _C.product_code == product, _C.currency == currency, _C.path == path
        )
    ).scalar()
    return int(found or 0)


def add(connection: Connection, one: Criterion, now: datetime, entered_by: str) -> None:
    """Enter a version. Raises ``IntegrityError`` where another act entered the same a moment ago."""
    lender, product, currency, path = one.place
    connection.execute(
        insert(write_off_criteria).values(
            lender_code=lender, product_code=product, currency=currency, path=path, version=one.version,
            starts_date=one.starts_date, least_days_past_due=one.least_days_past_due, least_minor=one.least_minor,
            most_minor=one.most_minor, proofs=" ".join(kind.value for kind in one.proofs), partial=one.partial,
            method=one.method, is_open=one.is_open, entered_at=now, entered_by=entered_by,
        )
    )  # fmt: skip
