"""What agencies report and collectors claim as relations of the warehouse, and how a break of theirs looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from ops_app.domain.casework.requests import CaseRequestKind, Outcome
from ops_app.domain.ledger.breaks import BreakKind, Leg
from ops_app.domain.ledger.claims import Finding
from ops_app.domain.ledger.proof import SheetRow
from ops_app.domain.organisation.imports import AGENCY_SOURCE
from ops_app.engines import reconciliation as engine
from ops_app.services.ledger.reconciliation_runs import FoundBreak, StandingDecision
from ops_app.store.tables.casework import cases, placements
from ops_app.store.tables.requests import case_requests
from pipelines.extracts import Reader, copy_table
from pipelines.sql_words import literal
from pipelines.warehouse import Connection

_NOT_CLAIMED = (Outcome.REFUSED, Outcome.WITHDRAWN, Outcome.EXPIRED, Outcome.CASE_LEFT)
_SHOWN_REPORT = (
    "agency_code", "payment_id", "loan_id", "paid_date", "amount_minor", "currency", "channel", "remitted", "file_date",
)  # fmt: skip
_SHOWN_CLAIM = (
    "claim_id", "collector", "agency_code", "loan_id", "paid_date", "amount_minor", "currency", "channel", "claimed_at",
)  # fmt: skip
_SHOWN_PAYMENT = ("payment_id", "loan_id", "kind", "value_date", "amount_minor", "currency", "channel", "reference")


def lay_out_told(connection: Connection, reader: Reader, business_date: date, zone: str) -> None:
    """``reports``, ``claims`` and ``windows`` as of ``business_date``.

    A report in a lender's feed is about a loan of that lender; one that an agency brought itself about the loan that
    was placed with it. An agency that brings its own files is held against the placements of this house, one that
    reports through a lender against the placements that this lender tells of.
    """
    until = f"date '{business_date.isoformat()}'"
    local = f"at time zone 'UTC' at time zone {literal(zone)}"
    _windows(connection, reader, until, local)
    connection.execute(
        f"""
        create or replace temp table reports as
        with arrived as (select * from raw.agency_payments where file_date <= {until}),
        chosen as (
            select * from arrived
            qualify row_number() over (partition by agency_code, payment_id order by file_date, file_id, line_no) = 1
        ),
        owners as (select loan_id, min(source_code) as owner from loans group by loan_id),
        placed as (
            select loan_id, agency_code, arg_max(source_code, from_date) as placed_by from windows group by all
        )
        select source_code as feed_source,
            case when starts_with(source_code, {literal(AGENCY_SOURCE)}) then coalesce(placed_by, owner, source_code)
                else source_code end as source_code,
            agency_code, payment_id, loan_id, (paid_at {local})::date as paid_date, amount_minor, currency, channel,
            remitted, file_date
        from chosen left join owners using (loan_id) left join placed using (loan_id, agency_code)
        """
    )
    _claims(connection, reader, until, local)


def _windows(connection: Connection, reader: Reader, until: str, local: str) -> None:
    wanted = [placements.c[name] for name in ("agency_code", "placed_at", "ended_at")]
    columns = [*wanted, cases.c.source_code, cases.c.loan_id]
    source = "(select p.*, c.source_code, c.loan_id from placements as p join cases as c on c.case_id = p.case_id)"
    copy_table(connection, reader, "placements", into="rec_placements", columns=columns, source=source)
    connection.execute(
        f"""
        create or replace temp table windows as
        with told as (
            select * from raw.placements where file_date <= {until}
            qualify row_number() over (
                partition by source_code, placement_id order by file_date desc, file_id desc, line_no desc
            ) = 1
        )
        select {literal(AGENCY_SOURCE)} || agency_code as feed_source, source_code, loan_id, agency_code,
            (placed_at {local})::date as from_date, (ended_at {local})::date as until_date
        from rec_placements
        union all
        select source_code, source_code, loan_id, agency_code, placed_date, recalled_date from told
        """
    )


def _claims(connection: Connection, reader: Reader, until: str, local: str) -> None:
    names = ("case_request_id", "requested_by", "requested_by_name", "agency_code", "requested_at", "amount_minor",
             "currency", "form_json", "kind", "outcome")  # fmt: skip
    columns = [*(case_requests.c[name] for name in names), cases.c.source_code, cases.c.loan_id]
    listed = ", ".join(f"'{one.value}'" for one in _NOT_CLAIMED)
    source = (
        "(select r.*, c.source_code, c.loan_id from case_requests as r join cases as c on c.case_id = r.case_id"
        f" where r.kind = '{CaseRequestKind.PAYMENT_CONFIRMATION.value}'"
        f" and (r.outcome is null or r.outcome not in ({listed})))"
    )
    copy_table(connection, reader, "case_requests", into="rec_claims_made", columns=columns, source=source)
    connection.execute(
        f"""
        create or replace temp table claims as
        select case_request_id as claim_id, source_code, loan_id, requested_by as collector_id,
            requested_by_name as collector, agency_code, (form_json ->> 'paid_date')::date as paid_date, amount_minor,
            currency, form_json ->> 'channel' as channel, requested_at as claimed_at
        from rec_claims_made where (requested_at {local})::date <= {until}
        """
    )


def lay_out_decided_told(connection: Connection, standing: Sequence[StandingDecision]) -> None:
    """``decided_told``: what people decided on breaks of reports and claims."""
    connection.execute(
        "create or replace temp table decided_told (break_id varchar, decision_group varchar, kind varchar,"
        " decision varchar, source_code varchar, payment_ids varchar[], report_ids varchar[], claim_ids varchar[])"
    )
    if standing:
        connection.executemany(
            "insert into decided_told values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                [
                    one.break_id, one.decision_group, one.kind.value, one.decision.value, one.source_code,
                    list(one.payment_ids), list(one.report_ids), list(one.claim_ids),
                ]
                for one in standing
            ],
        )  # fmt: skip


def found_told(connection: Connection) -> list[FoundBreak]:
    """The breaks of reports and claims with what each side says of them."""
    shown = _sides(connection)
    nothing: dict[str, list[Any]] = {"lender": [], "report": [], "claim": []}
    return [
        FoundBreak(
            break_id=row["break_id"], kind=BreakKind(row["kind"]), source_code=row["source_code"],
            currency=row["currency"], lender_minor=row["lender_minor"], bank_minor=None, recorded_minor=None,
            difference_minor=row["difference_minor"], loan_id=row["loan_id"], payment_ids=tuple(row["payment_ids"]),
            bank_line_ids=(), value_date=row["value_date"], suggestion=row["suggestion"],
            sides=shown.get(row["no"], nothing), reported_minor=row["reported_minor"],
            claimed_minor=row["claimed_minor"], report_ids=tuple(row["report_ids"]), claim_ids=tuple(row["claim_ids"]),
        )
        for row in engine.told_breaks(connection).iter_rows(named=True)
    ]  # fmt: skip


def found_claims(connection: Connection, as_of: date) -> list[Finding]:
    """What became of every claim."""
    return [
        Finding(claim_id, state, confirmed_by, broken, reason if state != "confirmed" else None, as_of)
        for claim_id, state, confirmed_by, broken, reason in engine.claim_states(connection)
    ]


def found_sheets(connection: Connection) -> dict[tuple[str, str], list[SheetRow]]:
    """(book, currency) → the rows of its proof sheet."""
    sheets: dict[tuple[str, str], list[SheetRow]] = {}
    for book, currency, leg, part, code, items, minor in engine.sheet(connection):
        sheets.setdefault((book, currency), []).append(SheetRow(Leg(leg), part, code, items, minor))
    return sheets


def clear(connection: Connection) -> None:
    """Drop the sides again."""
    for name in ("reports", "claims", "windows", "decided_told", "rec_placements", "rec_claims_made"):
        connection.execute(f"drop table if exists temp.{name}")


def _sides(connection: Connection) -> dict[str, dict[str, list[dict[str, Any]]]]:
    sides: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for side, names, query in (
        ("lender", _SHOWN_PAYMENT, "join rec_told_p as p using (ppid) join rec_all as t"
         " on t.source_code = p.source_code and t.payment_id = p.payment_id"),
        ("report", _SHOWN_REPORT, "join rec_told as o using (tid) join reports as t"
         " on o.side = 'report' and o.told_id = t.agency_code || '/' || t.payment_id"),
        ("claim", _SHOWN_CLAIM, "join rec_told as o using (tid) join claims as t"
         " on o.side = 'claim' and o.told_id = t.claim_id"),
    ):  # fmt: skip
        listed = ", ".join(f"t.{name}" for name in names)
        for number, *values in connection.execute(
            f"select i.no, {listed} from rec_told_items as i {query} order by all"
        ).fetchall():
            empty: dict[str, list[dict[str, Any]]] = {"lender": [], "report": [], "claim": []}
            items = sides.setdefault(number, empty)[side]
            items.append({name: _aware(value) for name, value in zip(names, values, strict=True)})
    return sides


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
