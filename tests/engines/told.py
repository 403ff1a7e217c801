"""Reports of agencies and claims of collectors for the engine, and the engine run over all four sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from ops_app.engines import reconciliation as engine
from ops_app.engines.reconciliation import Rules
from tests.engines.sides import BANK, DAY, DECIDED, LENDER, RECORDED, fill

REPORTS = {
    "feed_source": "varchar", "source_code": "varchar", "agency_code": "varchar", "payment_id": "varchar",
    "loan_id": "varchar", "paid_date": "date", "amount_minor": "bigint", "currency": "varchar", "channel": "varchar",
    "remitted": "boolean", "file_date": "date",
}  # fmt: skip
CLAIMS = {
    "claim_id": "varchar", "source_code": "varchar", "loan_id": "varchar", "collector_id": "varchar",
    "agency_code": "varchar", "paid_date": "date", "amount_minor": "bigint", "currency": "varchar",
    "channel": "varchar", "claimed_at": "timestamp",
}  # fmt: skip
WINDOWS = {
    "feed_source": "varchar", "source_code": "varchar", "loan_id": "varchar", "agency_code": "varchar",
    "from_date": "date", "until_date": "date",
}  # fmt: skip
DECIDED_TOLD = {
    "break_id": "varchar", "decision_group": "varchar", "kind": "varchar", "decision": "varchar",
    "source_code": "varchar", "payment_ids": "varchar[]", "report_ids": "varchar[]", "claim_ids": "varchar[]",
}  # fmt: skip


def a_report(payment_id: str, amount: int, **other: Any) -> dict[str, Any]:
    day = other.get("paid_date", DAY)
    return {
        "feed_source": "AG-A1", "source_code": "SIM", "agency_code": "A1", "payment_id": payment_id, "loan_id": "L1",
        "paid_date": day, "amount_minor": amount, "currency": "CNY", "channel": None, "remitted": True,
        "file_date": day,
    } | other  # fmt: skip


def a_claim(claim_id: str, amount: int, **other: Any) -> dict[str, Any]:
    day = other.get("paid_date", DAY)
    return {
        "claim_id": claim_id, "source_code": "SIM", "loan_id": "L1", "collector_id": "c1", "agency_code": "A1",
        "paid_date": day, "amount_minor": amount, "currency": "CNY", "channel": None, "claimed_at": f"{day} 10:00:00",
    } | other  # fmt: skip


def a_window(loan_id: str = "L1", **other: Any) -> dict[str, Any]:
    return {
        "feed_source": "AG-A1", "source_code": "SIM", "loan_id": loan_id, "agency_code": "A1",
        "from_date": DAY - timedelta(days=90), "until_date": None,
    } | other  # fmt: skip


@dataclass
class Told:
    """What the engine made of the told items, in plain Python; told ids without the agency's code."""

    matches: list[dict[str, Any]]
    breaks: list[dict[str, Any]]
    waiting: list[tuple[str, str | None, str | None, str]]
    claims: list[tuple[Any, ...]]
    sheet: list[tuple[Any, ...]]

    def matched(self) -> set[tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
        """(side, pass, told, payments, lines) of every match."""
        return {
            (m["side"], m["pass_name"], _short(m["told_ids"]), tuple(m["payment_ids"] or ()), _lines(m))
            for m in self.matches
        }

    def broken(self) -> set[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        """(kind, told, payments) of every break."""
        return {(b["kind"], _short([*b["report_ids"], *b["claim_ids"]]), tuple(b["payment_ids"])) for b in self.breaks}

    def suggestion(self, kind: str) -> dict[str, Any]:
        """The suggestion of the only break of a kind."""
        (one,) = [b for b in self.breaks if b["kind"] == kind]
        return dict(one["suggestion"])


def _short(ids: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(one.removeprefix("A1/") for one in ids or ())


def _lines(match: dict[str, Any]) -> tuple[str, ...]:
    return tuple(line.removeprefix("99/") for line in match["bank_line_ids"] or ())


def told(
    payments: Sequence[dict[str, Any]],
    reports: Sequence[dict[str, Any]] = (),
    claims: Sequence[dict[str, Any]] = (),
    *,
    windows: Sequence[dict[str, Any]] = (),
    lines: Sequence[dict[str, Any]] = (),
    decided: Sequence[dict[str, Any]] = (),
    rules: Rules | None = None,
    as_of: date = DAY + timedelta(days=5),
    lender_until: date | None = DAY + timedelta(days=5),
) -> Told:
    """Run the engine over all sides. The lender speaks up to ``lender_until`` (by a payment of another loan)."""
    con = duckdb.connect(config={"threads": 2})
    try:
        said = list(payments)
        if lender_until is not None:
            loud = {"payment_id": "LAST", "loan_id": "OTHER", "value_date": lender_until, "file_date": lender_until}
            first = {"payment_id": "FIRST", "loan_id": "OTHER", "value_date": DAY - timedelta(days=40)}
            said += [_other(loud), _other(first)]
        known = {(p["source_code"], p["loan_id"]) for p in said} | {(w["source_code"], w["loan_id"]) for w in windows}
        known |= {("SIM", "L1"), ("SIM", "L2")}
        fill(con, "lender", LENDER, said)
        fill(con, "bank", BANK, lines)
        fill(con, "recorded", RECORDED, ())
        fill(con, "decided", DECIDED, ())
        fill(con, "reports", REPORTS, reports)
        fill(con, "claims", CLAIMS, claims)
        fill(con, "windows", WINDOWS, windows)
        fill(con, "decided_told", DECIDED_TOLD, decided)
        fill(con, "loans", {"source_code": "varchar", "loan_id": "varchar"},
             [{"source_code": source, "loan_id": loan} for source, loan in sorted(known)])  # fmt: skip
        engine.reconcile(con, rules or Rules(), as_of, told=True)
        waiting = con.execute(
            """
            select w.side, t.told_id, p.payment_id, reason from rec_told_waiting as w
            left join rec_told as t using (tid) left join rec_told_p as p using (ppid) order by all
            """
        ).fetchall()
        outcome = Told(
            con.sql("select * exclude (teller) from rec_told_matches order by all").pl().to_dicts(),
            engine.told_breaks(con).to_dicts(),
            waiting,
            engine.claim_states(con),
            engine.sheet(con),
        )
        engine.close(con)
        assert con.execute("select count(*) from duckdb_tables() where temporary").fetchall() == [(0,)]
        return outcome
    finally:
        con.close()


def _other(values: dict[str, Any]) -> dict[str, Any]:
    day = values["value_date"]
    return {
        "source_code": "SIM", "kind": "payment", "reverses_payment_id": None, "paid_at": f"{day} 10:00:00",
        "posted_date": day, "amount_minor": 1, "currency": "CNY", "channel": None, "payer_name": None,
        "payer_account": None, "reference": None, "file_date": day,
    } | values  # fmt: skip
