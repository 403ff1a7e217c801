"""Reconciliation, first part: the two sides side by side, what people decided, and the exact pass over everything.

All of it is SQL over whole sets. With n payments and m bank lines: one scan of each side, one hash aggregate of each
side on an eight-byte key, one hash join; O(n + m) time, and memory for the narrow columns kept here. The wide columns
are fetched only for the residue.
"""

from __future__ import annotations

import duckdb

from ops_app.engines.reconciliation_rules import Rules

PAYMENT = (
    "source_code, payment_id, loan_id, kind, reverses_payment_id, paid_at, value_date, posted_date, amount_minor,"
    " currency, channel, payer_name, payer_account, reference, file_date"
)


LINE = (
    "source_code, account, line_id, booked_date, value_date, amount_minor, currency, direction, counterparty_name,"
    " counterparty_account, reference, file_date"
)
PUSHED_FROM = 2**61
"""The first number of payments that were recorded but are in no file; behind all others, however many come."""

REFUND_LINES = "source_code varchar, account varchar, line_id varchar, what varchar, told boolean"
"""What a caller may lay out before a run: bank lines that carry the reference of a payout of ours, what each was
(refund_paid, refund_returned, refund_differs, refund_unexpected), and whether the lender tells of that refund too."""


def lay_out(con: duckdb.DuckDBPyConnection, rules: Rules, *, part: bool = False) -> None:
    """Make ``rec_p`` (payments) and ``rec_b`` (bank lines): numbered, with their book, amounts signed and keys hashed.

    Both are views over the given tables, so that nothing is copied: the number of a row is its place in its table. A
    payment that was recorded but is in no file of the lender stands among the payments as it was recorded, behind them.
    Of a ``part`` the rows stand in ``rec_some_p``, ``rec_some_b`` (numbered) and ``rec_pushed``.
    """
    name_books(con, rules)
    if part:
        lender, bank, pid, bid = "rec_some_p", "rec_some_b", "pid", "bid"
    else:
        con.execute(
            f"""
            create or replace temp table rec_pushed as
            select {PAYMENT.replace("file_date", "null::date as file_date")}
            from recorded anti join lender using (source_code, payment_id)
            """
        )
        lender, bank, pid, bid = _as_table(con, "lender"), _as_table(con, "bank"), "rowid", "rowid"
    con.execute(
        f"""
        create or replace temp view rec_all as
        select {PAYMENT}, false as only_pushed from {lender}
        union all
        select {PAYMENT}, true as only_pushed from rec_pushed
        """
    )
    if not part:
        con.execute("create or replace temp view rec_payers as select payer_account, value_date, loan_id from rec_all")
    con.execute(
        f"""
        create or replace temp view rec_p as
        select {pid} as pid, {PAYMENT}, false as only_pushed, {payment_terms(rules)} from {lender}
        union all
        select rowid + {PUSHED_FROM}, {PAYMENT}, true, {payment_terms(rules)} from rec_pushed
        """
    )
    con.execute(
        f"""
        create or replace temp view rec_b as
        select {bid} as bid, source_code, account, line_id, currency, value_date, booked_date, reference,
            amount_minor, direction, counterparty_name, counterparty_account, file_date, {line_terms(rules)}
        from {bank}
        """
    )
    # one scan a side for what is asked of whole sides: totals, first and last days, and that none is lost on the way
    for side, number, last in (("p", "pid", "coalesce(file_date, value_date)"), ("b", "bid", "booked_date")):
        con.execute(
            f"""
            create or replace temp table rec_{side}_totals as
            select book, currency, count(*) as items, sum(signed) as total, min(value_date) as first_date,
                max({last}) as last_date, sum(hash({number})) as marks
            from rec_{side} group by book, currency
            """
        )
    con.execute("create or replace temp table rec_pairs (pass_name varchar, pid bigint, bid bigint)")
    con.execute("create or replace temp table rec_groups (pass_name varchar, gid varchar, pid bigint, bid bigint)")
    con.execute("create or replace temp table rec_held (break_id varchar, pid bigint, bid bigint)")
    con.execute(f"create temp table if not exists rec_refund_lines ({REFUND_LINES})")


def name_books(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """``rec_books``: the book of each source that shares one."""
    con.execute("create or replace temp table rec_books (source_code varchar, book varchar)")
    if rules.books:
        con.executemany("insert into rec_books values (?, ?)", [list(pair) for pair in sorted(rules.books.items())])


def payment_terms(rules: Rules) -> str:
    """Of a payment: its book, its amount signed (money back is negative) and its key hashed."""
    signed = "if(kind = 'payment', amount_minor, -amount_minor)"
    return f"{_book(rules)} as book, {signed} as signed, {_key(rules, signed)} as k"


def line_terms(rules: Rules) -> str:
    """Of a bank line: the same, and its name within its book."""
    signed = "if(direction = 'in', amount_minor, -amount_minor)"
    return f"{_book(rules)} as book, account || '/' || line_id as line, {signed} as signed, {_key(rules, signed)} as k"


def _key(rules: Rules, signed: str) -> str:
    return f"hash({_book(rules)}, currency, {signed}, reference, value_date)"


def _as_table(con: duckdb.DuckDBPyConnection, name: str) -> str:
    """Rows are numbered by their place, which only a table has: of anything else a copy is made."""
    found = con.execute("select 1 from duckdb_tables() where table_name = ?", [name]).fetchall()
    if found:
        return name
    con.execute(f"create or replace temp table rec_{name}_rows as select * from {name}")
    return f"rec_{name}_rows"


def _book(rules: Rules) -> str:
    """The book of a row, as an expression over its source."""
    quoted = [(source.replace("'", "''"), book.replace("'", "''")) for source, book in sorted(rules.books.items())]
    cases = " ".join(f"when '{source}' then '{book}'" for source, book in quoted)
    return f"(case source_code {cases} else source_code end)" if cases else "source_code"


def take_decisions(con: duckdb.DuckDBPyConnection) -> None:
    """What people decided wins: their matches and splits are made first, what they rejected is held out.

    A payment that shares a bank line with others stays among them: accepted, its flag is waived; rejected, it is
    carved out of the group as before and keeps its break.
    """
    con.execute(
        """
        create or replace temp table rec_decided as
        with items as (
            select decided.break_id, decision, decision_group, shared, source_code,
                coalesce(book, source_code) as book, unnest(payment_ids) as payment_id, null as line
            from decided left join rec_books using (source_code)
            union all
            select decided.break_id, decision, decision_group, shared, source_code,
                coalesce(book, source_code) as book, null, unnest(bank_line_ids)
            from decided left join rec_books using (source_code)
        )
        select items.break_id, items.decision, items.decision_group, items.shared, rec_p.pid, rec_b.bid
        from items
        left join rec_p on items.source_code = rec_p.source_code and items.payment_id = rec_p.payment_id
        left join rec_b on items.book = rec_b.book and items.line = rec_b.line
        where rec_p.pid is not null or rec_b.bid is not null
        """
    )
    con.execute(
        """
        insert into rec_groups
        select distinct case decision when 'split' then 'manual_split' else 'manual' end, decision_group, pid, bid
        from rec_decided where decision in ('match', 'split') and not shared
        """
    )
    con.execute(
        """
        insert into rec_held
        select min(break_id), pid, bid from rec_decided
        where decision = 'reject' and not shared
            and (pid is null or pid not in (select pid from rec_groups where pid is not null))
            and (bid is null or bid not in (select bid from rec_groups where bid is not null))
        group by pid, bid
        """
    )
    con.execute(
        """
        create or replace temp table rec_taken_p as
        select pid from rec_groups where pid is not null union select pid from rec_held where pid is not null
        """
    )
    con.execute(
        """
        create or replace temp table rec_taken_b as
        select bid from rec_groups where bid is not null union select bid from rec_held where bid is not null
        """
    )
    # what paid a refund of ours or sent it back is explained; where the lender tells of it too, the line proves that
    con.execute(
        """
        create or replace temp table rec_refunded as
        select rec_b.bid, what from rec_b
        join rec_refund_lines as r
            on r.source_code = rec_b.source_code and r.account = rec_b.account and r.line_id = rec_b.line_id
        where not r.told and rec_b.bid not in (select bid from rec_taken_b)
        """
    )
    con.execute("insert into rec_taken_b select bid from rec_refunded")


def match_exactly(con: duckdb.DuckDBPyConnection) -> None:
    """Reference, amount, currency, direction and day all equal, one against one: most of a healthy book.

    Both sides go through one hash aggregate, a line under a negative number, by which pairs and residues are known at
    once. The key is a hash of 64 bits; amount and day are held against each other themselves, so that two references
    would have to collide on one day with one amount (once in 10^12 runs of ten million lines). Keys that occur twice on
    a side go to the ranked pass.
    """
    said = "xor(signed, (value_date - date '1900-01-01') * 4294967311)"  # of equal amount and day equal
    con.execute(
        f"""
        create or replace temp table rec_keys as
        with items as (
            select k, pid as item, if(reference is null, 1, {said}) as said from rec_p
            union all
            select k, -1 - bid, if(reference is null, 2, {said}) from rec_b
        )
        select k, max(item) as pid, -1 - min(item) as bid,
            count(*) = 2 and min(item) < 0 and max(item) >= 0 and bit_xor(said) = 0 as is_pair
        from items group by k
        """
    )
    for taken, number in (("rec_taken_p", "pid"), ("rec_taken_b", "bid")):
        if con.execute(f"select 1 from {taken} limit 1").fetchall():
            con.execute(f"update rec_keys set is_pair = false where {number} in (select {number} from {taken})")
    con.execute("create or replace temp table rec_exact as select pid, bid from rec_keys where is_pair")


def take_residue(con: duckdb.DuckDBPyConnection) -> None:
    """``rec_pr`` and ``rec_br``: what the exact pass left, with every column that a tolerant pass may look at;
    ``rec_b_alike``: the same lines, among which a line that has the key of another stays."""
    con.execute("create or replace temp table rec_open_keys as select k from rec_keys where not is_pair")
    con.execute("drop table rec_keys")
    con.execute(
        """
        create or replace temp table rec_pr as
        select *, upper(regexp_replace(reference, '[^0-9A-Za-z]', '', 'g')) as plain_reference,
            upper(regexp_replace(payment_id, '[^0-9A-Za-z]', '', 'g')) as plain_id,
            lower(regexp_replace(payer_name, '\\s', '', 'g')) as plain_payer
        from (select * from rec_p semi join rec_open_keys using (k)) anti join rec_taken_p using (pid)
        """
    )
    con.execute(
        """
        create or replace temp table rec_b_alike as
        select *, upper(regexp_replace(reference, '[^0-9A-Za-z]', '', 'g')) as plain_reference,
            lower(regexp_replace(counterparty_name, '\\s', '', 'g')) as plain_payer
        from (select * from rec_b semi join rec_open_keys using (k))
        """
    )
    con.execute("create or replace temp table rec_br as select * from rec_b_alike anti join rec_taken_b using (bid)")
    con.execute("drop table rec_open_keys")


def keep_small(con: duckdb.DuckDBPyConnection) -> None:
    """``rec_p_small`` and ``rec_b_small``: every item that the exact pass did not settle, so that what follows never
    looks for a few in the many. The flagged and the decided come too."""
    columns = "source_code, book, payment_id, loan_id, currency, value_date, file_date, only_pushed, signed"
    con.execute(
        f"""
        create or replace temp table rec_p_small as
        with also as (
            select pid from rec_flags union select pid from rec_taken_p
        ),
        few as (select pid from also anti join rec_pr using (pid))
        select pid, {columns} from rec_pr
        union all
        select pid, {columns} from rec_p semi join few using (pid)
        """
    )
    columns = "source_code, book, account, line_id, currency, value_date, file_date, signed"
    con.execute(
        f"""
        create or replace temp table rec_b_small as
        with also as (
            select bid from rec_exact semi join rec_flags using (pid) union select bid from rec_taken_b
        ),
        few as (select bid from also anti join rec_br using (bid))
        select bid, line, {columns} from rec_br
        union all
        select bid, line, {columns} from rec_b semi join few using (bid)
        """
    )
