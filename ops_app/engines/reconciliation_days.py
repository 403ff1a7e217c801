"""Reconciliation, day by day: what is settled is kept under a few hashes, only what is open or touched is run again.

``keep`` leaves, beside the given relations, tables that begin with ``kept_``:

``kept_pairs``    exact pairs nothing else can look at: the places of both rows and the hashes by which a new row may
                  touch them (k their key, s what makes two payments siblings, h and l the names of payment and line,
                  a the payer's account)
``kept_days``     how many they are and what they sum to, by their book, currency and days
``kept_p``, ``kept_b``, ``kept_pushed``  every other row, as it was: unmatched, broken, outside, matched otherwise; and
                  exact pairs that a later pass may still ask for: reversals, the payments they reverse, siblings of any
                  payment in here, whatever a decision or a payout names

A day then runs the passes over those rows, the new ones and the pairs that the new ones touch. That the rest cannot
change is the whole of the argument: a pass sees an exact pair only through its key (k), as the twin of a payment (s),
as the original of a reversal or by a decision (h, l), and the suggestions only through the payer's account (a).

New rows are those behind the last one of the run before. Any other change, of the rules, of the sources with a book of
loans, or back in time, is answered by a full run, and so is a content that changed: whoever lays the rows out anew says
``forget``, for their places are then others. A pair that was touched stays open from then on: nothing is deleted from
``kept_pairs`` (``kept_gone`` names what no longer counts).
"""

from __future__ import annotations

from datetime import date

import duckdb

from ops_app.engines.reconciliation_prepare import (
    LINE,
    PAYMENT,
    PUSHED_FROM,
    REFUND_LINES,
    line_terms,
    name_books,
    payment_terms,
)
from ops_app.engines.reconciliation_rules import Rules

_NAME = "hash(source_code, payment_id)"
_ORIGINAL = "hash(source_code, reverses_payment_id)"
_SIBLING = "hash(source_code, loan_id, kind, signed, currency, value_date)"
_LINE = "hash(book, line)"
_TABLES = ("kept_pairs", "kept_gone", "kept_days", "kept_p", "kept_b", "kept_pushed", "kept_run")


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what was kept; the next run is a full one."""
    for name in _TABLES:
        con.execute(f"drop table if exists {name}")


def take_up(con: duckdb.DuckDBPyConnection, rules: Rules, business_date: date) -> bool:
    """Make ``rec_some_p``, ``rec_some_b`` and ``rec_pushed`` of what is open, touched and new; ``rec_touched`` and the
    view ``rec_settled`` divide the kept pairs. False where only a full run answers."""
    if not con.execute("select 1 from duckdb_tables() where table_name = 'kept_run'").fetchall():
        return False
    kept_rules, kept_date, named, last_p, last_b, last_r = con.execute("select * from kept_run").fetchall()[0]
    if kept_rules != repr(rules) or kept_date > business_date or named != _named(con):
        return False
    name_books(con, rules)
    con.execute(f"create temp table if not exists rec_refund_lines ({REFUND_LINES})")
    for name, columns, number, source, last, terms in (
        ("rec_new_p", PAYMENT, "pid", "lender", last_p, payment_terms(rules)),
        ("rec_new_b", LINE, "bid", "bank", last_b, line_terms(rules)),
    ):
        con.execute(
            f"create or replace temp table {name} as"
            f" select rowid as {number}, {columns}, {terms} from {source} where rowid > {last}"
        )
    _push(con, last_r)
    _touch(con, rules)
    con.execute(
        "create or replace temp view rec_settled as select * from kept_pairs anti join"
        " (select pid from rec_touched union all select pid from kept_gone) using (pid)"
    )
    for side, columns, number, source in (("p", PAYMENT, "pid", "lender"), ("b", LINE, "bid", "bank")):
        con.execute(
            f"""
            create or replace temp table rec_some_{side} as
            select {number}, {columns} from kept_{side}
            union all
            select rowid, {columns} from {source} where rowid in (select {number} from rec_touched)
            union all
            select {number}, {columns} from rec_new_{side}
            """
        )
    # a row that went, or came twice: nobody can say what it held together
    standing = con.execute(
        """
        with settled as (
            select (select count(*) from kept_pairs) - (select count(*) from kept_gone)
                - (select count(*) from rec_touched) as n
        )
        select n + (select count(*) from rec_some_p) - (select count(*) from lender),
            n + (select count(*) from rec_some_b) - (select count(*) from bank)
        from settled
        """
    ).fetchall()[0]
    return standing == (0, 0)


def _push(con: duckdb.DuckDBPyConnection, last: int) -> None:
    """``rec_pushed``: recorded, but in no file of the lender, as the full run finds them."""
    names = PAYMENT.replace("file_date", "null::date as file_date")
    con.execute(
        f"""
        create or replace temp table rec_pushed as
        with recent as (select {names} from recorded where rowid > {last}),
        pushed as (
            select {PAYMENT} from kept_pushed anti join recent using (source_code, payment_id)
            union all
            select {PAYMENT} from recent
        )
        select {PAYMENT} from pushed anti join rec_new_p using (source_code, payment_id)
        anti join kept_p using (source_code, payment_id)
        """
    )
    known = f"select h from kept_pairs semi join (select {_NAME} as h from rec_pushed) using (h)"
    if con.execute(f"select 1 from ({known}) limit 1").fetchall():
        con.execute(f"create or replace temp table rec_pushed as from rec_pushed where {_NAME} not in ({known})")


def _touch(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """``rec_touched``: the kept pairs that a new row, a decision or a payout names."""
    con.execute(
        f"""
        create or replace temp table rec_arrived as
        select *, {_SIBLING} as s, {_NAME} as h, if(kind = 'reversal', {_ORIGINAL}, null) as o
        from (
            select {PAYMENT}, book, signed, k from rec_new_p
            union all
            select {PAYMENT}, {payment_terms(rules)} from rec_pushed
        )
        """
    )
    book = "coalesce(rec_books.book, source_code)"
    named = {
        "k": "select k from rec_arrived union select k from rec_new_b",
        "s": "select s from rec_arrived",
        "h": f"""
            select o as h from rec_arrived where o is not null
            union select {_NAME} from (select source_code, unnest(payment_ids) as payment_id from decided)
        """,
        "l": f"""
            select hash({book}, account || '/' || line_id) as l
            from rec_refund_lines left join rec_books using (source_code)
            union select hash(book, line) from (
                select {book} as book, unnest(bank_line_ids) as line
                from decided left join rec_books using (source_code)
            )
        """,
    }
    near = _between(con, "select value_date as d from rec_arrived union all select value_date from rec_new_b")
    found = " union ".join(
        f"select pid, d from kept_pairs semi join ({some}) as wanted({name}) using ({name})"
        f" where {near if name in 'ks' else 'true'}"
        for name, some in named.items()
    )
    con.execute(f"create or replace temp table rec_touched_p as {found}")
    con.execute(
        f"create or replace temp table rec_touched as select * from kept_pairs"
        f" where {_between(con, 'from rec_touched_p')} and pid in (select pid from rec_touched_p)"
        " and pid not in (select pid from kept_gone)"
    )
    # a payment that is open again asks for its siblings; they stand with them by one hash, so once is enough
    con.execute(
        f"""
        insert into rec_touched
        select * from kept_pairs where {_between(con, "from rec_touched")}
            and s in (select s from rec_touched) and pid not in (select pid from rec_touched)
            and pid not in (select pid from kept_gone)
        """
    )


def _between(con: duckdb.DuckDBPyConnection, days: str) -> str:
    """The kept pairs stand in the order of their days: where days are known, most of them need not be read."""
    first, last = con.execute(f"select min(d), max(d) from ({days})").fetchall()[0]
    return f"d between date '{first}' and date '{last}'" if first else "false"


def add_settled(con: duckdb.DuckDBPyConnection) -> None:
    """Add the sums of the pairs that stay settled to those of the two sides, marked by nothing."""
    con.execute(
        """
        create or replace temp table rec_settled_days as
        with days as (
            select t, book, currency, d, last_p, last_b, items, total from kept_days
            union all
            select t, null, null, null, null, null, -1, -signed from rec_touched
        )
        select t, max(book) as book, max(currency) as currency, max(d) as d, max(last_p) as last_p,
            max(last_b) as last_b, sum(items)::bigint as items, sum(total)::bigint as total
        from days group by t having sum(items) > 0
        """
    )
    for side in ("p", "b"):
        con.execute(
            f"""
            insert into rec_{side}_totals
            select book, currency, sum(items), sum(total), min(d), max(last_{side}), null
            from rec_settled_days group by book, currency
            """
        )


def know_payers(con: duckdb.DuckDBPyConnection) -> None:
    """``rec_payers`` of a part: the payments in it, and the settled ones whose payer an unmatched line names."""
    con.execute(
        """
        create or replace temp table rec_asked as
        select distinct counterparty_account as payer_account, hash(counterparty_account) as a
        from rec_b semi join (select bid from rec_items where kind = 'unmatched_bank') using (bid)
        where counterparty_account is not null
        """
    )
    con.execute(
        "create or replace temp table rec_known as select pid, payer_account, d, loan_id"
        " from kept_pairs join rec_asked using (a)"
    )
    con.execute(
        """
        create or replace temp view rec_payers as
        select payer_account, value_date, loan_id from rec_all
        union all
        select payer_account, d, loan_id from rec_known
        anti join rec_touched using (pid) anti join kept_gone using (pid)
        """
    )


def keep(con: duckdb.DuckDBPyConnection, rules: Rules, business_date: date, *, part: bool) -> None:
    """Keep what the next day needs of the run whose tables still stand, a full one or a ``part``."""
    gone = "and pid not in (select pid from rec_touched) and pid not in (select pid from kept_gone)" if part else ""
    con.execute(
        f"""
        create or replace temp table rec_settling as
        with p as (select *, {_SIBLING} as s, {_NAME} as h from rec_p),
        reversed as (select {_ORIGINAL} as h from rec_p where kind = 'reversal'),
        paid_out as (
            select bid from rec_b join rec_refund_lines using (source_code, account, line_id)
            union select bid from rec_decided where bid is not null
        )
        select pid, bid, p.k, s, h, {_LINE.replace("book", "b.book")} as l, hash(p.payer_account) as a,
            p.value_date as d, p.signed, p.loan_id, p.book, p.currency,
            coalesce(p.file_date, p.value_date) as last_p, b.booked_date as last_b,
            hash(p.book, p.currency, d, last_p, last_b) as t
        from rec_exact join p using (pid) join rec_b as b using (bid)
        where p.kind <> 'reversal' and not p.only_pushed and h not in (select h from reversed where h is not null)
            and pid not in (select pid from rec_decided where pid is not null)
            and bid not in (select bid from paid_out) {gone}
        """
    )
    con.execute(
        f"""
        delete from rec_settling where s in (
            select {_SIBLING} from rec_p anti join rec_settling using (pid)
        )
        """
    )
    columns = "pid, bid, k, s, h, l, a, d, signed, loan_id, t"
    totals = "t, book, currency, d, last_p, last_b"
    days = f"select {totals}, count(*) as items, sum(signed)::bigint as total from rec_settling group by all"
    if part:
        con.execute("insert into kept_gone select pid from rec_touched")
        con.execute(f"insert into kept_pairs select {columns} from rec_settling order by d")
        days = f"""
            select {totals}, sum(items)::bigint as items, sum(total)::bigint as total
            from (select * from rec_settled_days union all by name {days}) group by all
        """
    else:
        con.execute("create or replace table kept_gone (pid bigint)")
        con.execute(f"create or replace table kept_pairs as select {columns} from rec_settling order by d")
    con.execute(f"create or replace table kept_days as {days}")
    con.execute(
        f"create or replace table kept_p as select pid, {PAYMENT} from rec_p anti join rec_settling using (pid)"
        f" where pid < {PUSHED_FROM}"
    )
    con.execute(f"create or replace table kept_b as select bid, {LINE} from rec_b anti join rec_settling using (bid)")
    con.execute(f"create or replace table kept_pushed as select {PAYMENT} from rec_pushed")
    con.execute("drop table rec_settling")
    con.execute(
        """
        create or replace table kept_run as
        select $1 as rules, $2 as business_date, $3 as named,
            (select coalesce(max(rowid), -1) from lender) as last_p,
            (select coalesce(max(rowid), -1) from bank) as last_b,
            (select coalesce(max(rowid), -1) from recorded) as last_r
        """,
        [repr(rules), business_date, _named(con)],
    )


def _named(con: duckdb.DuckDBPyConnection) -> str:
    """The sources that have a book of loans: a new one makes every payment of it a question again."""
    rows = con.execute("select distinct source_code from loans order by 1").fetchall()
    return "|".join(source for (source,) in rows)
