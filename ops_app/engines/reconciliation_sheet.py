"""Reconciliation, the proof sheet: what each of the four sides says and how every difference is explained.

``rec_sheet`` has a row for each book, currency, leg, part and code. A leg holds one side against the lender's payments:
``bank`` all of them, ``report`` those that an agency had or told, ``claim`` those that were claimed. Parts are
``lender`` and ``side`` (the two totals), ``explained`` (by pass of a match, or by the reason for which an item is
outside or waits) and ``unexplained`` (by kind of break). Of each leg lender - side = explained + unexplained.
"""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl

from ops_app.domain.ledger.breaks import BreakKind, break_id
from ops_app.engines.reconciliation_rules import Rules

SUGGESTION = pl.Struct(
    {"action": pl.String, "reason": pl.String, "break_ids": pl.List(pl.String), "items": pl.List(pl.String)}
)


def write_told(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """``rec_told_matches`` (one row a match) and ``rec_told_breaks`` (one row a break, with its suggestion)."""
    members = """
        list(t.told_id order by t.told_id) filter (t.tid is not null) as told_ids,
        list(p.payment_id order by p.payment_id) filter (p.ppid is not null) as payment_ids,
        coalesce(min(t.source_code), min(p.source_code)) as source_code, coalesce(min(t.book), min(p.book)) as book,
        coalesce(min(t.currency), min(p.currency)) as currency,
        sum(t.amount)::bigint as told_minor, sum(p.amount)::bigint as lender_minor,
        case when count(distinct coalesce(t.loan_id, p.loan_id)) = 1 then min(coalesce(t.loan_id, p.loan_id)) end
            as loan_id,
        coalesce(min(t.day), min(p.day)) as value_date, min(coalesce(t.teller, '')) as teller
    """
    con.execute(
        f"""
        create or replace temp table rec_told_matches as
        select e.side, e.pass_name, {members}, list(b.line order by b.line) filter (b.bid is not null) as bank_line_ids
        from rec_told_ends as e left join rec_told as t using (tid) left join rec_told_p as p using (ppid)
        left join rec_b_small as b using (bid)
        group by e.side, e.gid, e.pass_name
        """
    )
    con.execute(
        f"""
        create or replace temp table rec_told_breaks as
        select no, min(i.kind) as kind, min(i.reason) as reason, i.side, min(i.target) as target, {members}
        from rec_told_items as i left join rec_told as t using (tid) left join rec_told_p as p using (ppid)
        group by no, i.side
        """
    )
    con.execute(
        f"""
        create or replace temp table rec_told_near as
        with told as (select * from rec_told_breaks where kind = 'report_without_payment'),
        paid as (select * from rec_told_breaks where kind = 'payment_not_reported'),
        near as (
            select t.no as t_no, p.no as p_no, abs(p.value_date - t.value_date) as days
            from told as t join paid as p
                on t.book = p.book and t.currency = p.currency and t.told_minor = p.lender_minor
            where abs(p.value_date - t.value_date) <= {rules.suggest_days}
        )
        select t_no as no, arg_min(p_no, (days, p_no)) as target_no from near group by t_no
        union all
        select p_no, arg_min(t_no, (days, t_no)) from near group by p_no
        """
    )


def told_breaks(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The breaks of reports and claims as a frame, ordered by id; ``no`` is their number in this run. An amount is null
    where its side is missing; ``difference_minor`` is lender less told."""
    rows = con.sql(
        "select b.*, n.target_no from rec_told_breaks as b left join rec_told_near as n using (no) order by no"
    ).pl()
    ids = {row["no"]: _identity(row) for row in rows.iter_rows(named=True)}
    found = []
    for row in rows.iter_rows(named=True):
        is_claim = row["side"] == "claim"
        target = row["target_no"]
        action = "match" if target else "reject" if row["kind"] in ("reported_twice", "claimed_twice") else "ask"
        found.append(
            {
                "no": row["no"],
                "break_id": ids[row["no"]],
                "kind": row["kind"],
                "source_code": row["source_code"],
                "currency": row["currency"],
                "lender_minor": row["lender_minor"],
                "reported_minor": None if is_claim else row["told_minor"],
                "claimed_minor": row["told_minor"] if is_claim else None,
                "difference_minor": (row["lender_minor"] or 0) - (row["told_minor"] or 0),
                "loan_id": row["loan_id"],
                "payment_ids": row["payment_ids"] or [],
                "report_ids": [] if is_claim else row["told_ids"] or [],
                "claim_ids": (row["told_ids"] or []) if is_claim else [],
                "value_date": row["value_date"],
                "suggestion": {
                    "action": action,
                    "reason": "same_amount_near_date" if target else row["reason"],
                    "break_ids": [ids[target]] if target else [],
                    "items": [row["target"]] if row["target"] else [],
                },
            }
        )
    schema: dict[str, Any] = {
        "no": pl.String, "break_id": pl.String, "kind": pl.String, "source_code": pl.String, "currency": pl.String,
        "lender_minor": pl.Int64, "reported_minor": pl.Int64, "claimed_minor": pl.Int64, "difference_minor": pl.Int64,
        "loan_id": pl.String, "payment_ids": pl.List(pl.String), "report_ids": pl.List(pl.String),
        "claim_ids": pl.List(pl.String), "value_date": pl.Date, "suggestion": SUGGESTION,
    }  # fmt: skip
    return pl.DataFrame(found, schema=schema).sort("break_id")


def claim_states(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str | None, str | None, str | None]]:
    """What became of each claim: (claim_id, state, what confirms it, break, reason), ordered by claim.

    The state is ``confirmed`` (by a payment ``p:<id>`` or a bank line ``b:<line>``), ``waiting`` (with the reason) or
    ``broken`` (with the break).
    """
    breaks_of = {
        claim: (row["break_id"], row["suggestion"]["reason"])
        for row in told_breaks(con).iter_rows(named=True)
        for claim in row["claim_ids"]
    }
    settled = con.execute(
        """
        select unnest(told_ids), 'confirmed', coalesce('p:' || payment_ids[1], 'b:' || bank_line_ids[1]), null, null
        from rec_told_matches where side = 'claim'
        union all
        select told_id, 'waiting', null, null, reason from rec_told_waiting join rec_told using (tid)
        where rec_told.side = 'claim'
        """
    ).fetchall()
    broken = [(claim, "broken", None, identity, reason) for claim, (identity, reason) in breaks_of.items()]
    return sorted([*settled, *broken])


def write_sheet(con: duckdb.DuckDBPyConnection, *, told: bool) -> None:
    """``rec_sheet`` of all legs; those of reports and claims only where they were reconciled."""
    parts = [
        "select book, currency, 'bank', 'lender', '', payments, lender_minor from rec_proof where payments > 0",
        "select book, currency, 'bank', 'side', '', bank_lines, bank_minor from rec_proof where bank_lines > 0",
        "select book, currency, 'bank', 'explained', 'exact', count(*), 0::bigint"
        " from rec_exact join rec_p using (pid) group by all",
        "select book, currency, 'bank', 'explained', 'exact', items, 0::bigint from rec_p_totals where marks is null",
        """
        select p.book, p.currency, 'bank', 'explained', pass_name, count(*), sum(p.signed - b.signed)::bigint
        from rec_pairs join rec_p_small as p using (pid) join rec_b_small as b using (bid) group by all
        """,
        """
        select coalesce(rec_books.book, m.source_code), currency, 'bank', 'explained', pass_name, count(*),
            sum(difference_minor)::bigint
        from rec_group_matches as m left join rec_books using (source_code) group by all
        """,
        """
        select coalesce(p.book, b.book), coalesce(p.currency, b.currency), 'bank', 'explained', reason, count(*),
            (coalesce(sum(p.signed), 0) - coalesce(sum(b.signed), 0))::bigint
        from rec_outside left join rec_p_small as p using (pid) left join rec_b_small as b using (bid) group by all
        """,
        "select book, currency, 'bank', 'unexplained', kind, count(*), sum(difference_minor)::bigint"
        " from rec_breaks group by all",
    ]
    if told:
        parts += _told_parts()
    con.execute(
        f"""
        create or replace temp table rec_sheet (
            book varchar, currency varchar, leg varchar, part varchar, code varchar, items bigint, minor bigint
        );
        insert into rec_sheet
        select book, currency, leg, part, code, sum(items)::bigint, sum(minor)::bigint
        from ({" union all ".join(parts)}) as s(book, currency, leg, part, code, items, minor) group by all
        """
    )


def _told_parts() -> list[str]:
    members = {
        "explained": "select side, pass_name as code, tid, ppid from rec_told_ends"
        " union all select side, reason, tid, ppid from rec_told_waiting",
        "unexplained": "select side, kind as code, tid, ppid from rec_told_items",
    }
    told = "select side, tid, ppid from rec_told_ends union all select side, tid, ppid from rec_told_waiting"
    told += " union all select side, tid, ppid from rec_told_items"
    parts = [
        "select book, currency, side, 'side', '', count(*), sum(amount)::bigint from rec_told group by all",
        f"""
        select book, currency, m.side, 'lender', '', count(*), sum(amount)::bigint
        from ({told}) as m join rec_told_p as p using (ppid) group by all
        """,
    ]
    for part, source in members.items():
        parts.append(
            f"""
            select coalesce(t.book, p.book), coalesce(t.currency, p.currency), m.side, '{part}', code, count(*),
                (coalesce(sum(p.amount), 0) - coalesce(sum(t.amount), 0))::bigint
            from ({source}) as m left join rec_told as t using (tid) left join rec_told_p as p using (ppid) group by all
            """
        )
    return parts


def sheet(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, str, str, int, int]]:
    """The rows of the proof sheet in their order: book, currency, leg, part, code, items, minor units."""
    return con.execute("select * from rec_sheet order by all").fetchall()


def unbalanced(con: duckdb.DuckDBPyConnection, *, told: bool) -> str | None:
    """What does not hold: a leg whose parts do not add up, or a told item that ended nowhere or twice."""
    rows = con.execute(
        """
        select book, currency, leg from rec_sheet group by all
        having sum(case part when 'lender' then minor when 'side' then -minor else -minor end) <> 0
        order by all
        """
    ).fetchall()
    if rows:
        return f"explained and unexplained do not add up on the leg {rows[0]}"
    if not told:
        return None
    ends = "select tid from rec_told_ends union all select tid from rec_told_items"
    ends += " union all select tid from rec_told_waiting"
    row = con.execute(
        f"""
        select (select count(*) from rec_told), count(*), count(distinct tid) from ({ends}) where tid is not null
        """
    ).fetchall()[0]
    return (
        None if row[0] == row[1] == row[2] else f"told items: {row[0]} went in, {row[1]} ended, {row[2]} of them once"
    )


def _identity(row: dict[str, object]) -> str:
    number = str(row["no"])
    if number.startswith("held|"):
        return number.removeprefix("held|")
    told, paid = row["told_ids"], row["payment_ids"]
    return told_break_id(
        str(row["kind"]),
        str(row["source_code"]),
        [str(one) for one in paid] if isinstance(paid, list) else [],
        [str(one) for one in told] if isinstance(told, list) else [],
    )


def told_break_id(kind: str, source_code: str, payment_ids: list[str], told_ids: list[str]) -> str:
    """The id of a break of reports or claims; the told items stand where other breaks have their bank lines."""
    return break_id(BreakKind(kind), source_code, payment_ids, told_ids)
