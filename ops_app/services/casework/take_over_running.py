"""Placements of the former system that still run: asked for by one person, approved by another, then taken over.

A running placement gives an agency access to cases and to personal data from now on, so it needs what every placement
needs: a second person, by the amount, and a case and an agency against which nothing stands when it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import checked_reason
from ops_app.domain.casework.take_over import Difference, HistoryRow
from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.organisation.approvals import OPEN
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.take_over import REASON, Placing, key_of, prove, spells_of
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import enter_request
from ops_app.services.organisation.approval_moves import once
from ops_app.services.organisation.installation import installation
from ops_app.store.casework import take_over as stored
from ops_app.store.casework.take_over import TakeOver
from ops_app.store.organisation import approvals
from ops_app.store.store import Store, Transaction

KIND = "history.take_over"
OBJECT = "take_over"


@dataclass(frozen=True)
class Waiting:
    """Running placements of one currency that wait: how many, their balance in whole minor units, and who asked for
    their approval already (``None``: nobody)."""

    currency: str
    count: int
    amount_minor: int
    asked_by_name: str | None


@act("history.view")
def waiting_placements(actor: Actor, store: Store, *, now: datetime) -> tuple[Waiting, ...]:
    """The running placements of the former system that wait to be taken over, by currency."""
    with store.reading() as connection:
        return tuple(
            Waiting(currency, len(rows), _sum(rows), _asked_by(connection, currency, now))
            for currency, rows in sorted(_waiting(connection).items())
        )


@act("history.take_over")
def ask_running_placements(actor: Actor, store: Store, *, now: datetime, reason: str, key: str) -> tuple[str, ...]:
    """Ask that the running placements which wait be taken over, one request a currency; their ids, the same for every
    repetition of ``key``. Raises ``Conflict`` where none waits, ``OpenAlready``, ``Invalid``."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        claim = once(transaction, key, ["take over running placements", why])
        if not claim.is_new:
            return tuple(claim.answer)
        found = _waiting(transaction.connection)
        if not found:
            raise Conflict("No running placement waits to be taken over.", "没有待移交的在委案件。")
        made = tuple(
            enter_request(
                transaction, kind=KIND, object_type=OBJECT, object_id=currency, arguments=_facts(currency, rows),
                reason=why, amount_minor=_sum(rows), currency=currency,
            )
            for currency, rows in sorted(found.items())
        )  # fmt: skip
        transaction.answer("approvals", key, list(made))
    return made


def run_take_over(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take over the running placements that were approved, within the transaction of the last approval; what may not
    be placed any more stays outside with its reason. Raises ``Refused`` where that is all of them."""
    connection, now, currency = transaction.connection, transaction.now, str(arguments["currency"])
    rows = _as_asked(connection, currency, arguments)
    entered = TakeOver(
        key_hash("take over", now.isoformat(), "running", currency), transaction.actor.name, now, len(rows), 0, ()
    )
    stored.add(connection, entered, transaction.actor.person_id)
    zone = installation().zone
    spells = spells_of(connection, {row.source_code for row in rows}, zone)
    placing = Placing(transaction, spells, zone, approved=True)
    done = placing.enter(rows)
    if not placing.placed:
        raise Refused(
            "Not one of these placements can be taken over now. Take the book over again to see why.",
            "这些在委案件目前均无法移交，请重新移交后查看原因。",
        )
    stored.put(connection, entered.take_over_id, done)
    lines = prove(connection, [one.row for one in stored.kept(connection)])
    stored.set_proof(connection, entered.take_over_id, lines, placing.placed)
    outside = len(rows) - placing.placed
    transaction.audit(
        "history.taken_over", OBJECT, entered.take_over_id,
        after={"entered": len(rows), "cases_placed": placing.placed, "outside": outside,
               "rows_hash": arguments["rows_hash"]},
        reason=REASON,
    )  # fmt: skip
    return {"cases_placed": placing.placed, "outside": outside}


def _waiting(connection: Connection) -> dict[str, list[HistoryRow]]:
    """Currency → the running placements that wait."""
    found: dict[str, list[HistoryRow]] = {}
    for one in stored.kept(connection, feeds=("placements",), difference=True):
        if one.difference is Difference.WAITING:
            found.setdefault(str(one.row.currency), []).append(one.row)
    return found


def _facts(currency: str, rows: Sequence[HistoryRow]) -> dict[str, Any]:
    """What an approver reads, and so approves."""
    said = sorted("/".join((*key_of(row), str(row.agency_code), str(row.amount_minor), str(row.due_date)))
                  for row in rows)  # fmt: skip
    return {
        "case_count": len(rows),
        "balance_minor": _sum(rows),
        "currency": currency,
        "agencies": dict(sorted(Counter(str(row.agency_code) for row in rows).items())),
        "rows_hash": key_hash(*said),
    }


def _sum(rows: Sequence[HistoryRow]) -> int:
    return sum(row.amount_minor or 0 for row in rows)


def _as_asked(connection: Connection, currency: str, arguments: Mapping[str, Any]) -> list[HistoryRow]:
    rows = _waiting(connection).get(currency, [])
    if not rows or _facts(currency, rows) != dict(arguments):
        raise Invalid(
            "What waits to be taken over changed since this was asked for. Withdraw the request and ask anew.",
            "提交申请后待移交的案件已变动，请撤回后重新申请。",
            field="rows_hash",
        )
    return rows


def _asked_by(connection: Connection, currency: str, now: datetime) -> str | None:
    found = approvals.open_of(connection, KIND, OBJECT, currency)
    return next((one.maker_name for one in found if one.state in OPEN and one.expires_at > now), None)


def _check(transaction: Transaction, draft: Draft) -> None:
    currency = str(draft.arguments.get("currency"))
    rows = _as_asked(transaction.connection, currency, draft.arguments)
    asked = (draft.object_type, draft.object_id, draft.amount_minor, draft.currency)
    if asked != (OBJECT, currency, _sum(rows), currency):
        raise Invalid("The amount is that of the placements.", "金额应与委外案件一致。", field="amount_minor")


register(
    KIND,
    name=("take over running placements of the former system", "移交旧系统在委案件"),
    make="history.take_over",
    run=run_take_over,
    check=_check,
    fixed=True,
    labels={
        "case_count": ("cases", "案件数"),
        "balance_minor": ("balance", "余额合计"),
        "currency": ("currency", "币种"),
        "agencies": ("cases by agency", "各机构案件数"),
        "rows_hash": ("hash of the list of placements", "委外清单哈希"),
    },
)
