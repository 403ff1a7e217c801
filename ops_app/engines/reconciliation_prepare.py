"""Reconciliation, first part: the two sides side by side, what people decided, and the exact pass over everything.

All of it is SQL over whole sets. With n payments and m bank lines: one scan of each side, one hash aggregate of each
side on an eight-byte key, one hash join; O(n + m) time, and memory for the narrow columns kept here. The wide columns
are fetched only for the residue.
"""

from __future__ import annotations

import duckdb

from ops_app.engines.reconciliation_rules import Rules

_PAYMENT = (
    "source_code, payment_id, loan_id, kind, reverses_payment_id, paid_at, value_date, posted_date, amount_minor,"
    " currency, channel, payer_name, payer_account, reference, file_date"
)


REFUND_LINES = "source_code varchar, account varchar, line_id varchar, what varchar, told boolean"
"""What a caller may lay out before a run: bank lines that carry the reference of a payout of ours, what each was
(refund_paid, refund_returned, refund_differs, refund_unexpected), and whether the lender tells of that refund too."""


def lay_out(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Make ``rec_p`` (payments) and ``rec_b`` (bank lines): narrow, numbered, amounts signed, keys hashed.

    A payment that was recorded but is in no file of the lender stands among the payments as it was recorded.
    """
    con.execute("create or replace temp table rec_books (source_code varchar, book varchar)")
    if rules.books:
        con.executemany("insert into rec_books values (?, ?)", [list(pair) for pair in sorted(rules.books.items())])
    con.execute(
        f"""
        create or replace temp table rec_pushed as
        select {_PAYMENT.replace("file_date", "null::date as file_date")}
        from recorded anti join lender using (source_code, payment_id)
        """
    )
    con.execute(
        f"""
        create or replace temp view rec_all as
        select {_PAYMENT}, false as only_pushed from lender
        union all
        select {_PAYMENT}, true as only_pushed from rec_pushed
        """
    )
    in_book = "left join rec_books using (source_code)" if rules.books else ""
    book = "coalesce(book, source_code) as book" if rules.books else "source_code as book"
    con.execute(
        f"""
        create or replace temp table rec_p_rows as
        with signed as (
            select source_code, {book}, payment_id, currency, value_date, reference, file_date, only_pushed,
                if(kind = 'payment', amount_minor, -amount_minor) as signed
            from rec_all {in_book}
        )
        select *, hash(book, currency, signed, reference, value_date) as k from signed
        """
    )
    con.execute(
        f"""
        create or replace temp table rec_b_rows as
        with signed as (
            select source_code, {book}, account, line_id, currency, value_date, booked_date, reference, file_date,
                if(direction = 'in', amount_minor, -amount_minor) as signed
            from bank {in_book}
        )
        select *, hash(book, currency, signed, reference, value_date) as k from signed
        """
    )
    # the number of a row is its place in the table; the name of a line is put together only where it is read
    con.execute("create or replace temp view rec_p as select rowid as pid, * from rec_p_rows")
    con.execute(
        "create or replace temp view rec_b as select rowid as bid, *, account || '/' || line_id as line from rec_b_rows"
    )
    con.execute("create or replace temp table rec_pairs (pass_name varchar, pid bigint, bid bigint)")
    con.execute("create or replace temp table rec_groups (pass_name varchar, gid varchar, pid bigint, bid bigint)")
    con.execute("create or replace temp table rec_held (break_id varchar, pid bigint, bid bigint)")
    con.execute(f"create temp table if not exists rec_refund_lines ({REFUND_LINES})")


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

    The key is a hash; the join compares the columns themselves, so a collision leaves two items to the later passes
    and never makes a wrong match. Keys that occur twice on a side go to the ranked pass.
    """
    con.execute(
        """
        create or replace temp table rec_exact as
        with p_several as (select k from rec_p_rows group by k having count(*) > 1),
        b_several as (select k from rec_b_rows group by k having count(*) > 1)
        select p.pid, b.bid
        from rec_p as p join rec_b as b using (k)
        where p.book = b.book and p.currency = b.currency and p.signed = b.signed
            and p.reference = b.reference and p.value_date = b.value_date
            and k not in (select k from p_several) and k not in (select k from b_several)
            and p.pid not in (select pid from rec_taken_p) and b.bid not in (select bid from rec_taken_b)
        """
    )


def take_residue(con: duckdb.DuckDBPyConnection) -> None:
    """``rec_pr`` and ``rec_br``: what the exact pass left, with every column that a tolerant pass may look at."""
    con.execute(
        """
        create or replace temp table rec_pr as
        with numbers as (
            select rowid as pid from rec_p_rows
            where rowid not in (select pid from rec_exact) and rowid not in (select pid from rec_taken_p)
        ),
        left_over as (select * from rec_p semi join numbers using (pid))
        select left_over.pid, left_over.book, left_over.signed, left_over.only_pushed, lender.*,
            upper(regexp_replace(lender.reference, '[^0-9A-Za-z]', '', 'g')) as plain_reference,
            upper(regexp_replace(lender.payment_id, '[^0-9A-Za-z]', '', 'g')) as plain_id,
            lower(regexp_replace(lender.payer_name, '\\s', '', 'g')) as plain_payer
        from left_over
        join rec_all as lender
            on left_over.source_code = lender.source_code and left_over.payment_id = lender.payment_id
        """.replace("lender.*", _columns("lender", _PAYMENT))
    )
    con.execute(
        """
        create or replace temp table rec_br as
        with numbers as (
            select rowid as bid from rec_b_rows
            where rowid not in (select bid from rec_exact) and rowid not in (select bid from rec_taken_b)
        ),
        left_over as (select * from rec_b semi join numbers using (bid))
        select left_over.bid, left_over.k, left_over.book, left_over.line, left_over.signed, bank.source_code,
            bank.currency, bank.value_date, bank.booked_date, bank.file_date, bank.account, bank.line_id,
            bank.reference,
            bank.counterparty_name, bank.counterparty_account,
            upper(regexp_replace(bank.reference, '[^0-9A-Za-z]', '', 'g')) as plain_reference,
            lower(regexp_replace(bank.counterparty_name, '\\s', '', 'g')) as plain_payer
        from left_over
        join bank
            on left_over.source_code = bank.source_code and left_over.account = bank.account
            and left_over.line_id = bank.line_id
        """
    )


def keep_small(con: duckdb.DuckDBPyConnection) -> None:
    """``rec_p_small`` and ``rec_b_small``: every item that the exact pass did not settle, so that what follows never
    looks for a few in the many. The flagged and the decided come too."""
    con.execute(
        """
        create or replace temp table rec_p_small as
        with also as (
            select pid from rec_flags union select pid from rec_taken_p
        ),
        fetched as (
            select * from rec_p semi join also using (pid) anti join rec_pr using (pid)
        ),
        items as (
            select pid, source_code, book, payment_id, loan_id, currency, value_date, file_date, only_pushed, signed
            from rec_pr
            union all
            select f.pid, f.source_code, f.book, f.payment_id, a.loan_id, f.currency, f.value_date, f.file_date,
                f.only_pushed, f.signed
            from fetched as f join rec_all as a on a.source_code = f.source_code and a.payment_id = f.payment_id
        )
        select * from items
        """
    )
    con.execute(
        """
        create or replace temp table rec_b_small as
        with also as (
            select bid from rec_exact semi join rec_flags using (pid) union select bid from rec_taken_b
        )
        select bid, source_code, book, account, line_id, line, currency, value_date, file_date, signed from rec_br
        union all
        select bid, source_code, book, account, line_id, line, currency, value_date, file_date, signed
        from rec_b semi join also using (bid) anti join rec_br using (bid)
        """
    )


def _columns(table: str, names: str) -> str:
    return ", ".join(f"{table}.{name.strip()}" for name in names.split(","))
