"""Payout files: approved refunds leave for the bank, each in one file at a time; the file is the same whenever it is
taken, and who takes it is in the audit log, for it holds payees in full."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.config import PROJECT_ROOT, yaml_of
from ops_app.domain.canonical import canonical_json, content_hash, key_hash
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.ledger.payouts import (
    ENDINGS,
    MOST_PAYOUTS,
    FileHead,
    NoSuchPayoutFile,
    PayoutTemplate,
    Transfer,
    file_of,
    payout_template,
)
from ops_app.domain.ledger.refunds import RefundMove, reference_of
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit
from ops_app.services.act import act
from ops_app.services.ledger.refund_booking import moved_to
from ops_app.services.ledger.refunds import open_payee
from ops_app.services.organisation.installation import today
from ops_app.store.casework.keys import PersonalKey
from ops_app.store.ledger import refunds
from ops_app.store.ledger.refunds import Payout, PayoutFile, Refund
from ops_app.store.organisation import parameters
from ops_app.store.store import Store

__all__ = [
    "Payable", "Payout", "PayoutFile", "PayoutFilePage", "PayoutFileRecord", "list_payable", "list_payout_files",
    "make_payout_file", "payout_file", "payout_templates", "read_payout_file",
]  # fmt: skip

FILE = PROJECT_ROOT / "data" / "reference" / "payouts.yml"
OBJECT = "payout_file"
_INBOX = "payouts"


@dataclass(frozen=True)
class Payable:
    """Approved refunds of a source in a currency that no file holds, and the templates they may leave by."""

    source_code: str
    currency: str
    count: int
    total_minor: int
    templates: tuple[str, ...]


@dataclass(frozen=True)
class PayoutFilePage:
    """A window of files, how many there are, and who made them."""

    rows: tuple[PayoutFile, ...]
    total: int
    names: Mapping[str, str]


@dataclass(frozen=True)
class PayoutFileRecord:
    """One file with its payouts, each with its refund."""

    item: PayoutFile
    made_by_name: str
    payouts: tuple[tuple[Payout, Refund], ...]
    template: PayoutTemplate


@functools.cache
def _stated() -> tuple[Mapping[str, PayoutTemplate], Mapping[str, Sequence[str]], Sequence[str]]:
    said = yaml_of(FILE.read_text(encoding="utf-8"))
    made = {code: payout_template(code, one) for code, one in said["templates"].items()}
    return made, dict(said["sources"] or {}), list(said["default"])


def payout_templates(source_code: str) -> dict[str, PayoutTemplate]:
    """Code → template, of those by which refunds of a source may leave. Raises ``Invalid`` for one there is none of."""
    made, of_source, default = _stated()
    codes = of_source.get(source_code, default)
    for code in codes:
        if code not in made:
            raise Invalid(f"There is no payout template {code}.", f"没有付款文件模板 {code}。", field="template")
    return {code: made[code] for code in codes}


@act("refunds.view")
def list_payable(actor: Actor, store: Store, *, now: datetime) -> tuple[Payable, ...]:
    """What waits to be put into a file, by source and currency."""
    with store.reading() as connection:
        found = refunds.payable(connection)
    return tuple(
        Payable(source, currency, count, minor, tuple(payout_templates(source)))
        for source, currency, count, minor in found
    )


@act("refunds.view")
def list_payout_files(actor: Actor, store: Store, *, now: datetime, offset: int = 0, limit: int = 50) -> PayoutFilePage:
    """Files, the newest first. Raises ``Invalid`` for a page out of bounds."""
    check_limit(limit, offset)
    with store.reading() as connection:
        rows, total = refunds.files(connection, offset, limit)
        names = parameters.names(connection, sorted({one.made_by for one in rows}))
    return PayoutFilePage(tuple(rows), total, names)


@act("refunds.view")
def read_payout_file(actor: Actor, store: Store, *, now: datetime, file_id: str) -> PayoutFileRecord:
    """One file. Raises ``NoSuchPayoutFile``."""
    with store.reading() as connection:
        one = _found(connection, file_id)
        rows = refunds.payouts_in(connection, file_id)
        names = parameters.names(connection, [one.made_by])
    return PayoutFileRecord(one, names.get(one.made_by, one.made_by), tuple(rows), _template(one))


@act("refunds.pay")
def make_payout_file(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    source_code: str,
    currency: str,
    template: str,
    execution_date: date,
    key: str,
    evidence: Path,
) -> PayoutFile:
    """Put every approved refund of a source in a currency into a file (at most ``MOST_PAYOUTS``, the oldest first); the
    same for every repetition of ``key``. Raises ``Invalid`` by field, ``Conflict`` where nothing waits, ``NoKey``."""
    chosen = payout_templates(source_code).get(template)
    if chosen is None:
        raise Invalid("Choose one of the templates of this source.", "请选择该来源的模板。", field="template")
    if not 0 <= (execution_date - today(now)).days <= 30:
        raise Invalid(
            "The bank pays today or within thirty days.", "付款日期应为今日起三十日内。", field="execution_date"
        )
    with store.writing(actor, now) as transaction:
        said = content_hash([source_code, currency, template, execution_date])
        claim = transaction.claim(_INBOX, key, said)
        claim.refuse_conflict()
        connection = transaction.connection
        if not claim.is_new:
            return _found(connection, str(claim.answer))
        refunds.hold_numbers(connection)
        rows = refunds.approved(connection, source_code, currency, MOST_PAYOUTS)
        if not rows:
            raise Conflict("No approved refund waits for a payout.", "没有待付款的退款。", field="source_code")
        number = refunds.next_file_number(connection)
        file_id = key_hash("payout_file", str(number))[:32]
        paid = [Payout(reference_of(it.number, it.attempts + 1), it.refund_id, it.attempts + 1, file_id,
                       it.amount_minor) for it in rows]  # fmt: skip
        one = PayoutFile(
            file_id, number, source_code, currency, canonical_json({"code": chosen.code} | chosen.facts()),
            execution_date, len(rows), sum(it.amount_minor for it in rows), "", actor.person_id, now,
        )  # fmt: skip
        data = _bytes(one, list(zip(paid, rows, strict=True)), PersonalKey.load(evidence))
        one = replace(one, file_hash=hashlib.sha256(data).hexdigest())
        refunds.add_file(connection, one, paid)
        for it in rows:
            moved_to(transaction, it, RefundMove.PAY_OUT, None, attempts=it.attempts + 1)
        transaction.audit("payout_file.made", OBJECT, file_id, after=_facts(one))
        transaction.answer(_INBOX, key, file_id)
    return one


@act("refunds.pay")
def payout_file(actor: Actor, store: Store, *, now: datetime, file_id: str, evidence: Path) -> tuple[str, bytes]:
    """The name and the bytes of a file, the same whenever they are asked for; that they were taken is in the audit log.
    Raises ``NoSuchPayoutFile``, ``NoKey``, and ``Conflict`` where what is there now has another hash than what was
    made: it is not given out."""
    with store.writing(actor, now) as transaction:
        one = _found(transaction.connection, file_id)
        data = _bytes(one, refunds.payouts_in(transaction.connection, file_id), PersonalKey.load(evidence))
        if hashlib.sha256(data).hexdigest() != one.file_hash:
            raise Conflict(
                "The payouts are not those of the file. It is not given out; run recoup verify.",
                "付款明细与文件生成时不一致，文件不予提供，请运行 recoup verify。",
            )
        transaction.audit("payout_file.taken", OBJECT, file_id, after=_facts(one))
    return f"payout_{one.number:06d}_{one.source_code}.{ENDINGS[_template(one).layout]}", data


def _found(connection: Connection, file_id: str) -> PayoutFile:
    one = refunds.read_file(connection, file_id)
    if one is None:
        raise NoSuchPayoutFile
    return one


def _template(one: PayoutFile) -> PayoutTemplate:
    stated = json.loads(one.template_json)
    return payout_template(str(stated["code"]), stated)


def _bytes(one: PayoutFile, rows: Sequence[tuple[Payout, Refund]], secret: PersonalKey) -> bytes:
    head = FileHead(one.number, one.currency, one.execution_date, one.made_at)
    return file_of(
        _template(one), head,
        [Transfer(paid.reference, open_payee(secret, refund), paid.amount_minor) for paid, refund in rows],
    )  # fmt: skip


def _facts(one: PayoutFile) -> dict[str, Any]:
    return {
        "number": one.number, "source_code": one.source_code, "currency": one.currency, "payouts": one.payouts,
        "total_minor": one.total_minor, "execution_date": one.execution_date, "file_hash": one.file_hash,
    }  # fmt: skip
