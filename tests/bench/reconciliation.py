"""Reconciliation beside its limit: the engine against hand-written passes over the same book in the same run.

The book has ``rows`` payments and about as many bank lines, 1 % of them broken in eight ways. The limit is what one
writes by hand for exactly this book: an exact pass by day with both residues kept, one statement for each kind of
break, no suggestions, no proof and no ids. Both leave their pairs and their breaks in tables of the same connection.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import psutil

from ops_app.engines import reconciliation as engine
from ops_app.engines.reconciliation import Rules

AS_OF = date(2026, 4, 30)
RUNS = 3
_KINDS = 8
_EVERY = 100
"""One payment in so many is broken, the kinds in turn."""


DAY = date(2026, 4, 27)
"""The day that comes when the rest has been reconciled; the rest ends two days before."""


def _payments(first: int, until: int, day: str = "date '2026-03-01' + (i % 56)::integer") -> str:
    return f"""
        select 'SIM' as source_code, 'PAY' || lpad(i::varchar, 12, '0') as payment_id,
            if(fault = 4, 'LOST' || i, 'LN' || lpad((i // 40)::varchar, 10, '0')) as loan_id,
            if(fault = 5, 'reversal', 'payment') as kind, if(fault = 5, 'NEVER' || i, null) as reverses_payment_id,
            {day} + interval 8 hour as paid_at, {day} as value_date, {day} + if(fault = 3, 5, 0) as posted_date,
            (hash(i) % 500000 + 100)::bigint as amount_minor, 'CNY' as currency, 'bank_transfer' as channel,
            '张' || (i % 9973) as payer_name, '6222' || lpad((i % 999983)::varchar, 12, '0') as payer_account,
            'REF' || lpad(i::varchar, 12, '0') as reference, {day} as file_date, fault, i
        from (
            select range as i, if(range % {_EVERY} = 7, (range // {_EVERY}) % {_KINDS}, -1) as fault
            from range({first}, {until})
        )
    """


def _lines(payments: str) -> str:
    return f"""
        select source_code, '99' as account, 'B' || lpad(i::varchar, 12, '0') as line_id, value_date as booked_date,
            value_date + if(fault = 3, 15, 0) as value_date, amount_minor + if(fault = 2, 5000, 0) as amount_minor,
            currency, if(kind = 'payment', 'in', 'out') as direction, payer_name as counterparty_name,
            payer_account as counterparty_account, reference, file_date
        from {payments} where fault <> 0
        union all
        select source_code, '99', 'S' || i, value_date, value_date, amount_minor + 1, currency, 'in', null, null,
            'stray ' || i, file_date
        from {payments} where fault = 1
        union all
        select source_code, '99', 'T' || i, value_date, value_date, amount_minor, currency, 'in', payer_name,
            payer_account, reference, file_date + 1
        from {payments} where fault = 6
    """


def _twice(payments: str) -> str:
    again = "'TWICE' || i as payment_id, file_date + 1 as file_date"
    return f"select * replace ({again}) from {payments} where fault = 7"


def make_book(con: duckdb.DuckDBPyConnection, rows: int) -> None:
    """The five relations of the engine, seeded by the row number."""
    con.execute(f"create table lender as {_payments(0, rows)}")
    con.execute(f"create table bank as {_lines('lender')}")
    con.execute(f"insert into lender {_twice('lender')}")
    con.execute("create table loans as select distinct source_code, loan_id from lender where fault <> 4")
    con.execute("create table recorded as select * exclude (file_date, fault, i) from lender limit 0")
    con.execute(
        "create table decided (break_id varchar, decision_group varchar, kind varchar, decision varchar,"
        " source_code varchar, payment_ids varchar[], bank_line_ids varchar[], shared boolean)"
    )
    con.execute("alter table lender drop column fault")
    con.execute("alter table lender drop column i")


def make_day(con: duckdb.DuckDBPyConnection, rows: int, more: int) -> int:
    """One more day of ``more`` payments behind ``rows`` others, broken alike; and for one in a hundred, late, the line
    of a payment of the ten days before once more. How many of these there are."""
    day = f"date '{DAY}'"
    con.execute(f"create temp table today as {_payments(rows, rows + more, day)}")
    con.execute(
        f"""
        create temp table late as
        select *, 6 as fault from (
            select * replace ({day} as file_date), try_cast(substr(payment_id, 4) as bigint) as i from lender
            where value_date >= {day} - 12 and i % {_EVERY} = {8 % _EVERY} limit {more // 100}
        )
        """
    )
    con.execute("insert into loans select distinct source_code, loan_id from today where fault <> 4 except from loans")
    con.execute(f"insert into bank {_lines('today')} union all select * from ({_lines('late')}) where line_id[1] = 'T'")
    con.execute("insert into lender select * exclude (fault, i) from today")
    con.execute(f"insert into lender select * exclude (fault, i) from ({_twice('today')})")
    (late,) = con.execute("select count(*) from late").fetchall()[0]
    con.execute("drop table today; drop table late")
    return int(late)


def by_hand(con: duckdb.DuckDBPyConnection) -> None:
    """The limit: the passes that this very book needs, written out."""
    for statement in _BY_HAND:
        con.execute(statement)


_BY_HAND = (
    """
    create or replace temp table hand_p as
    select payment_id, loan_id, reverses_payment_id, kind, value_date, posted_date, reference, payer_account, file_date,
        if(kind = 'payment', amount_minor, -amount_minor) as signed, hash(reference, signed, value_date) as k
    from lender
    """,
    """
    create or replace temp table hand_b as
    select line_id, value_date, reference, counterparty_account, file_date,
        if(direction = 'in', amount_minor, -amount_minor) as signed, hash(reference, signed, value_date) as k from bank
    """,
    """
    create or replace temp table hand_pairs as
    with p as (select k, min(payment_id) as payment_id, count(*) as n from hand_p group by k),
    b as (select k, min(line_id) as line_id, count(*) as n from hand_b group by k)
    select payment_id, line_id, p.n as payments, b.n as lines, k from p join b using (k)
    """,
    "create or replace temp table hand_pr as select * from hand_p anti join hand_pairs using (payment_id)",
    "create or replace temp table hand_br as select * from hand_b anti join hand_pairs using (line_id)",
    """
    create or replace temp table hand_breaks as
    select 'duplicate' as kind, payment_id, null as line_id from hand_pr semi join hand_pairs using (k)
    union all
    select 'duplicate', null, line_id from hand_br semi join hand_pairs using (k)
    union all
    select if(p.signed = b.signed, 'date_out_of_period', 'amount_differs'), payment_id, line_id
    from hand_pr as p join hand_br as b using (reference)
    union all
    select 'unknown_loan', payment_id, null from hand_p anti join loans using (loan_id)
    union all
    select 'reversal_without_original', r.payment_id, null from hand_p as r
    anti join hand_p as o on o.payment_id = r.reverses_payment_id where r.kind = 'reversal'
    """,
    """
    insert into hand_breaks
    select 'unmatched_lender', payment_id, null from hand_pr anti join hand_breaks using (payment_id)
    union all
    select 'unmatched_bank', null, line_id from hand_br anti join hand_breaks using (line_id)
    """,
)


_PLANTED = f"""
    create or replace temp table planted as
    select case (range // {_EVERY}) % {_KINDS}
            when 0 then 'unmatched_lender' when 1 then 'unmatched_bank' when 2 then 'amount_differs'
            when 3 then 'date_out_of_period' when 4 then 'unknown_loan' when 5 then 'reversal_without_original'
            else 'duplicate' end as kind,
        case (range // {_EVERY}) % {_KINDS}
            when 1 then '99/S' || range when 6 then '99/T' || range when 7 then 'TWICE' || range
            else 'PAY' || lpad(range::varchar, 12, '0') end as item
    from range($rows) where range % {_EVERY} = 7
"""
"""Kind and item of every break that was planted, by the number of its row alone."""


def against_the_plan(con: duckdb.DuckDBPyConnection, rows: int) -> dict[str, int]:
    """How many breaks were planted, how many of them the engine missed, and how many it found that nobody planted."""
    con.execute(_PLANTED, {"rows": rows})
    con.execute(
        "create or replace temp table told_of as select no, kind,"
        " unnest(list_concat(payment_ids, bank_line_ids)) as item from rec_breaks"
    )
    counted = con.execute(
        """
        select (select count(*) from planted), (select count(*) from planted anti join told_of using (kind, item)),
            (select count(*) from rec_breaks
             where no not in (select no from told_of semi join planted using (kind, item)))
        """
    ).fetchall()[0]
    con.execute("drop table told_of; drop table planted")
    return dict(zip(("planted", "missed", "invented"), counted, strict=True))


def make_told(con: duckdb.DuckDBPyConnection) -> None:
    """Agencies report every fifth payment, of which 1 % are wrong in four ways; collectors claim every hundredth."""
    con.execute(
        """
        create table windows as
        select 'SIM' as feed_source, source_code, loan_id, 'A' || (hash(loan_id) % 20) as agency_code,
            date '2026-01-01' as from_date, null::date as until_date
        from loans where hash(loan_id) % 5 = 0
        """
    )
    con.execute(
        """
        create table reports as
        with held as (
            select p.*, w.agency_code, hash(payment_id) % 400 as fault
            from lender as p join windows as w using (source_code, loan_id) where kind = 'payment'
        )
        select 'SIM' as feed_source, source_code, agency_code, if(fault = 1, 'GHOST' || payment_id, payment_id)
                as payment_id, loan_id, value_date - if(fault = 1, 10, 0) as paid_date,
            if(fault = 2, amount_minor + 1, amount_minor) as amount_minor, currency, channel, true as remitted,
            file_date + 1 as file_date
        from held where fault <> 0
        union all
        select 'SIM', source_code, agency_code, 'AGAIN' || payment_id, loan_id, value_date, amount_minor, currency,
            channel, true, file_date + 2
        from held where fault = 3
        """
    )
    con.execute(
        """
        create table claims as
        select 'C' || payment_id as claim_id, source_code, loan_id, 'c1' as collector_id, null::varchar as agency_code,
            value_date as paid_date, amount_minor, currency, channel, paid_at as claimed_at
        from lender where kind = 'payment' and hash(payment_id) % 100 = 0
        """
    )
    con.execute(
        "create table decided_told (break_id varchar, decision_group varchar, kind varchar, decision varchar,"
        " source_code varchar, payment_ids varchar[], report_ids varchar[], claim_ids varchar[])"
    )


def run_both(rows: int) -> dict[str, Any]:
    """Both on one book, in turn, the fastest of a few runs of each; and that they found the same breaks."""
    con = duckdb.connect(config={"threads": 2, "memory_limit": "4GB"})
    con.execute("set enable_progress_bar = false")
    make_book(con, rows)
    limits, ours = [], []
    done = None
    for _ in range(RUNS):
        limits.append(_seconds(lambda: by_hand(con)))
        ours.append(_seconds(lambda: engine.reconcile(con, Rules(), AS_OF)))
    kinds = {
        name: dict(con.execute(f"select kind, count(*) from {name} group by kind order by kind").fetchall())
        for name in ("hand_breaks", "rec_breaks")
    }
    done = con.execute("select count(*) from rec_matches").fetchall()[0][0]
    plan = against_the_plan(con, rows)
    started = time.perf_counter()
    found = engine.breaks(con).height
    as_frame_s = time.perf_counter() - started
    one_day = run_day(con, rows, min(ours))
    make_told(con)
    four_sides = min(_seconds(lambda: engine.reconcile(con, Rules(), AS_OF, told=True)) for _ in range(2))
    told = dict(con.execute("select kind, count(*) from rec_told_breaks group by kind order by kind").fetchall())
    told_rows = con.execute("select count(*) from rec_told").fetchall()[0][0]
    con.close()
    return {
        "limit_s": min(limits),
        "ours_s": min(ours),
        "matches": done,
        "breaks": found,
        "breaks_as_frame_s": round(as_frame_s, 3),
        **plan,
        **one_day,
        "four_sides_s": round(four_sides, 3),
        "told_items": told_rows,
        "told_breaks": told,
        "breaks_by_hand": kinds["hand_breaks"],
        "breaks_found": kinds["rec_breaks"],
    }


def run_day(con: duckdb.DuckDBPyConnection, rows: int, full_s: float) -> dict[str, Any]:
    """Keep the full run that stands, then one day of a 365th of the rows: run and kept again, beside the full run."""
    keep_s = _seconds(lambda: engine.keep(con, Rules(), AS_OF, engine.Reconciled(0, 0)))
    breaks_before = con.execute("select count(*) from rec_breaks").fetchall()[0][0]
    more = rows // 365
    late = make_day(con, rows, more)
    days = []
    for again in range(RUNS):
        started = time.perf_counter()
        done = engine.reconcile(con, Rules(), AS_OF, since_kept=True)
        reconciled = time.perf_counter()
        if again == RUNS - 1:  # the last run is kept: from what was kept the day can be run once more till then
            engine.keep(con, Rules(), AS_OF, done)
            kept_s = time.perf_counter() - reconciled
        days.append(reconciled - started)
    planted = con.execute(f"select count(*) from range({rows}, {rows + more}) where range % {_EVERY} = 7").fetchall()
    found = set(con.execute("select kind, count(*) from rec_breaks group by kind").fetchall())
    whole = engine.reconcile(con, Rules(), AS_OF)
    theirs = set(con.execute("select kind, count(*) from rec_breaks group by kind").fetchall())
    return {
        "one_day_ratio": round((min(days) + kept_s) / full_s, 4),
        "one_day_s": round(min(days), 3),
        "one_day_kept_s": round(kept_s, 3),
        "first_keep_s": round(keep_s, 3),
        "one_day_rows": more,
        "one_day_new_breaks_wanted": planted[0][0] + late,
        "one_day_new_breaks": done.breaks - breaks_before,
        "one_day_was_part": done.part,
        "one_day_as_full": found == theirs and (done.matches, done.breaks) == (whole.matches, whole.breaks),
    }


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _in_process(rows: int, answer: Any) -> None:
    answer.put(run_both(rows))


def bench_reconciliation(rows: int = 1_000_000) -> dict[str, Any]:
    """``rows`` lines a side: name, rows, limit_s, ours_s, ratio (ours / limit), peak_mb, detail."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_in_process, args=(rows, answer))
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            try:
                peak[0] = max(peak[0], psutil.Process(process.pid).memory_info().rss)
            except psutil.NoSuchProcess:
                return

    process.start()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        detail = answer.get(timeout=1_800)
        process.join()
    finally:
        stop.set()
        watcher.join()
    limit_s, ours_s = detail.pop("limit_s"), detail.pop("ours_s")
    return {
        "name": "reconciliation",
        "rows": rows,
        "limit_s": round(limit_s, 3),
        "ours_s": round(ours_s, 3),
        "ratio": round(ours_s / limit_s, 2),
        "peak_mb": peak[0] // 2**20,
        "detail": detail,
    }
