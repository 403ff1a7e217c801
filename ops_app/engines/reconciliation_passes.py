"""Reconciliation, second part: the tolerant passes over the residue.

Each pass is a handful of equi-joins. Where a key occurs several times on both sides, the n-th payment of a day meets
the n-th line of a day, days nearest first: k payments and k lines of one key cost O(k log k), never k times k. The
residue is small, so all passes together cost less than the exact pass; with a residue of r items and w days of window
they are O(r · w).
"""

from __future__ import annotations

import duckdb

from ops_app.engines.reconciliation_rules import Rules

_ALIKE = "p.book = b.book and p.currency = b.currency and p.key = b.key"
_REFERENCE = "case when length(plain_reference) >= 4 then plain_reference end"


def match_tolerantly(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Run every pass in its order; each takes what it matched out of the residue."""
    _pair(con, rules, "exact", "reference", "reference")
    _group_by_reference(con, rules)
    _pair(con, rules, "payment_id", "plain_id", _REFERENCE)
    _pair(con, rules, "reference_normalised", _REFERENCE, _REFERENCE)
    _pair(con, rules, "amount_date_payer", "payer_account", "counterparty_account")
    _pair(con, rules, "amount_date_payer", "plain_payer", "plain_payer")
    _pair_by_words(con, rules)
    _pair_within_tolerance(con, rules)
    _group_by_channel_day(con, rules)
    _all_but_one(con)
    _cancel_reversed(con)
    if not rules.reversal_needs_bank_line:
        _reverse_in_books(con)


def _of(table: str) -> str:
    return _REFERENCE.replace("plain_reference", f"{table}.plain_reference")


def _window(rules: Rules) -> str:
    return f"between {-rules.bank_early_days} and {rules.bank_late_days}"


def _take_out(con: duckdb.DuckDBPyConnection) -> None:
    for residue, number in (("rec_pr", "pid"), ("rec_br", "bid")):
        for matched in ("rec_pairs", "rec_groups"):
            con.execute(
                f"delete from {residue} where {number} in (select {number} from {matched} where {number} is not null)"
            )


def _insert(con: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Run an insert into the pairs or groups; what it matched leaves the residue."""
    if _count(con, statement):
        _take_out(con)


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchall()[0]
    return int(row[0])


def _pair(con: duckdb.DuckDBPyConnection, rules: Rules, name: str, p_key: str, b_key: str) -> None:
    """One payment with one line: keys equal, amount equal, the line's day within the window.

    First the keys that occur once on either side, in one join; then, only if some are left, the ranked rounds, one for
    each distance in days that occurs among them.
    """
    sides = f"""
        p as (select *, {p_key} as key from rec_pr where {p_key} is not null),
        b as (select *, {b_key} as key from rec_br where {b_key} is not null)
    """
    _insert(
        con,
        f"""
        insert into rec_pairs
        with {sides},
        p_once as (
            select book, currency, signed, key, min(pid) as pid, min(value_date) as value_date
            from p group by book, currency, signed, key having count(*) = 1
        ),
        b_once as (
            select book, currency, signed, key, min(bid) as bid, min(value_date) as value_date
            from b group by book, currency, signed, key having count(*) = 1
        )
        select '{name}', p.pid, b.bid from p_once as p
        join b_once as b on {_ALIKE} and p.signed = b.signed
        where b.value_date - p.value_date {_window(rules)}
        """,
    )
    apart = con.execute(
        f"""
        with {sides},
        p_days as (select distinct book, currency, signed, key, value_date from p),
        b_days as (select distinct book, currency, signed, key, value_date from b)
        select distinct b.value_date - p.value_date
        from p_days as p join b_days as b on {_ALIKE} and p.signed = b.signed
        where b.value_date - p.value_date {_window(rules)}
        """
    ).fetchall()
    occurring = {days for (days,) in apart}
    for days in (one for one in rules.offsets if one in occurring):
        _insert(
            con,
            f"""
            insert into rec_pairs
            with {sides},
            p_ranked as (
                select *, row_number() over (
                    partition by book, currency, signed, key, value_date
                    order by only_pushed, file_date nulls last, source_code, payment_id
                ) as n from p
            ),
            b_ranked as (
                select *, row_number() over (
                    partition by book, currency, signed, key, value_date order by file_date, source_code, line
                ) as n from b
            )
            select '{name}', p.pid, b.bid from p_ranked as p
            join b_ranked as b
                on {_ALIKE} and p.signed = b.signed and p.value_date + {days} = b.value_date and p.n = b.n
            """,
        )


def _pair_by_words(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """A line whose text names the loan or the payment, amount equal: accepted where nothing else fits either side."""
    con.execute(
        f"""
        insert into rec_pairs
        with words as (
            select distinct bid, unnest(regexp_extract_all(upper(reference), '[0-9A-Z][0-9A-Z_-]{{3,}}')) as word
            from rec_br where reference is not null
        ),
        named as (
            select pid, upper(loan_id) as word from rec_pr union select pid, upper(payment_id) from rec_pr
        ),
        edges as (
            select distinct p.pid, b.bid
            from words join named using (word)
            join rec_pr as p using (pid) join rec_br as b using (bid)
            where p.book = b.book and p.currency = b.currency and p.signed = b.signed
                and b.value_date - p.value_date {_window(rules)}
        ),
        counted as (
            select *, count(*) over (partition by pid) as lines, count(*) over (partition by bid) as payments from edges
        )
        select 'named_in_text', pid, bid from counted where lines = 1 and payments = 1
        """
    )
    _take_out(con)


def _pair_within_tolerance(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Same reference, one against one, amounts apart by no more than the channel may keep."""
    rows = [[code, kept.minor, kept.per_mille] for code, kept in sorted(rules.tolerances.items())]
    con.execute("create or replace temp table rec_tolerance (channel varchar, minor bigint, per_mille bigint)")
    if not rows:
        return
    con.executemany("insert into rec_tolerance values (?, ?, ?)", rows)
    con.execute(
        f"""
        insert into rec_pairs
        with {_once_by_reference()}
        select 'amount_tolerance', p.pid, b.bid
        from p_once as p join b_once as b on {_ALIKE}
        join rec_tolerance as kept on kept.channel = p.channel
        where sign(p.signed) = sign(b.signed) and b.value_date - p.value_date {_window(rules)}
            and abs(p.signed - b.signed) <= greatest(kept.minor, abs(p.signed) * kept.per_mille // 1000)
        """
    )
    _take_out(con)


def _once_by_reference() -> str:
    """``p_once`` and ``b_once``: the payments and lines whose reference occurs once on their side of the residue."""
    return f"""
        p as (select *, {_REFERENCE} as key from rec_pr where {_REFERENCE} is not null),
        b as (select *, {_REFERENCE} as key from rec_br where {_REFERENCE} is not null),
        p_once as (select * from p qualify count(*) over (partition by book, currency, key) = 1),
        b_once as (select * from b qualify count(*) over (partition by book, currency, key) = 1)
    """


def gather_references(con: duckdb.DuckDBPyConnection) -> None:
    """``rec_ref``: per reference in the residue, how many items each side has, their sums and their days.

    Payments and money going back are kept apart, so that a batch of reversals is not netted against payments.
    """
    con.execute(
        f"""
        create or replace temp table rec_ref as
        with p as (
            select source_code, book, currency, sign(signed) as way, {_REFERENCE} as key, count(*) as payments,
                sum(signed)::bigint as lender, min(value_date) as p_first, max(value_date) as p_last,
                (min(channel) = max(channel)) as one_channel
            from rec_pr where {_REFERENCE} is not null group by 1, 2, 3, 4, 5
        ),
        b as (
            select book, currency, sign(signed) as way, {_REFERENCE} as key, count(*) as lines,
                sum(signed)::bigint as bank, min(value_date) as b_first, max(value_date) as b_last
            from rec_br where {_REFERENCE} is not null group by 1, 2, 3, 4
        )
        select *, count(*) over (partition by book, currency, way, key) as sources
        from p join b using (book, currency, way, key)
        """
    )


def put_together(con: duckdb.DuckDBPyConnection, name: str, chosen: str, into: str = "rec_groups") -> None:
    """All residue items of the references in ``chosen`` (a condition on ``rec_ref``) become one group each."""
    for number, residue, same_source in (
        ("pid", "rec_pr", "and r.source_code = item.source_code"),
        ("bid", "rec_br", ""),
    ):
        columns = "item.pid, null" if number == "pid" else "null, item.bid"
        con.execute(
            f"""
            insert into {into}
            select '{name}', concat_ws('|', r.source_code, r.currency, r.way::integer::varchar, r.key), {columns}
            from {residue} as item
            join rec_ref as r
                on r.book = item.book and r.currency = item.currency and r.way = sign(item.signed)
                and r.key = {_of("item")} {same_source}
            where {chosen}
            """
        )


def _group_by_reference(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Several payments in one line, one payment in several lines, or several in several: one reference, equal sums."""
    gather_references(con)
    put_together(
        con,
        "grouped_by_reference",
        f"""r.sources = 1 and r.lender = r.bank and r.payments + r.lines > 2
            and r.b_first - r.p_first >= {-rules.bank_early_days} and r.b_last - r.p_last <= {rules.bank_late_days}
            and r.b_last - r.p_first <= {rules.bank_late_days + rules.batch_span_days}""",
    )
    _take_out(con)


def _group_by_channel_day(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """A line that is the sum of a channel's residue over one or several consecutive days, without any reference.

    Shorter runs of days are taken first. A run is accepted only where exactly one line fits it and it alone fits the
    line.
    """
    con.execute(
        f"""
        create or replace temp table rec_fits as
        with days as (
            select source_code, book, currency, channel, sign(signed) as way, value_date,
                sum(signed)::bigint as lender, count(*) as payments
            from rec_pr where channel is not null group by 1, 2, 3, 4, 5, 6
        ),
        lengths as (select unnest(range(1, {rules.batch_span_days + 1})) as span),
        runs as (
            select a.source_code, a.book, a.currency, a.channel, a.way, a.value_date as first_day, span,
                max(b.value_date) as last_day, sum(b.lender)::bigint as lender, sum(b.payments)::bigint as payments
            from days as a join days as b using (source_code, book, currency, channel, way) cross join lengths
            where b.value_date >= a.value_date and b.value_date - a.value_date < span
            group by 1, 2, 3, 4, 5, 6, 7
        )
        select r.*, b.bid, b.line from runs as r
        join rec_br as b on b.book = r.book and b.currency = r.currency and b.signed = r.lender
        where r.payments > 1 and r.last_day - r.first_day = span - 1 and b.value_date - r.last_day {_window(rules)}
        """
    )
    spans = con.execute("select distinct span from rec_fits order by span").fetchall()
    for (span,) in spans:
        _insert(
            con,
            f"""
            insert into rec_groups
            with fits as (
                select * from rec_fits where span = {span} and bid in (select bid from rec_br)
                qualify count(*) over (partition by bid) = 1
                    and count(*) over (partition by source_code, currency, channel, way, first_day) = 1
            ),
            members as (
                select f.bid, f.book, f.line, f.lender, p.pid, p.signed, count(*) over (partition by p.pid) as claims
                from fits as f join rec_pr as p
                    on p.source_code = f.source_code and p.currency = f.currency and p.channel = f.channel
                    and sign(p.signed) = f.way and p.value_date between f.first_day and f.last_day
            ),
            -- a shorter run may have taken some of the days meanwhile
            clean as (
                select bid, any_value(concat_ws('|', 'channel', book, line)) as gid from members
                group by bid having max(claims) = 1 and sum(signed) = any_value(lender)
            )
            select 'channel_days', gid, pid, null from members join clean using (bid)
            union all
            select 'channel_days', gid, null, bid from clean
            """,
        )


def _all_but_one(con: duckdb.DuckDBPyConnection) -> None:
    """A batch whose payments exceed its line by exactly one of them: the rest is matched, that one is left over."""
    gather_references(con)
    con.execute(
        f"""
        create or replace temp table rec_odd as
        with surplus as (
            select r.*, p.pid, p.payment_id, p.file_date
            from rec_ref as r join rec_pr as p
                on r.book = p.book and r.currency = p.currency and r.way = sign(p.signed)
                and r.source_code = p.source_code and r.key = {_of("p")}
            where r.sources = 1 and r.lines = 1 and r.payments > 2 and p.signed = r.lender - r.bank
        )
        select pid from surplus
        qualify row_number() over (
            partition by source_code, book, currency, way, key order by file_date desc nulls first, payment_id desc
        ) = 1
        """
    )
    if not _count(con, "select count(*) from rec_odd"):
        return
    con.execute("create or replace temp table rec_set_aside as select * from rec_pr semi join rec_odd using (pid)")
    con.execute("delete from rec_pr where pid in (select pid from rec_odd)")
    gather_references(con)
    put_together(con, "grouped_but_one", "r.sources = 1 and r.lines = 1 and r.lender = r.bank")
    _take_out(con)
    con.execute("insert into rec_pr select * from rec_set_aside")


def _cancel_reversed(con: duckdb.DuckDBPyConnection) -> None:
    """A payment that never reached the bank and its reversal cancel out."""
    con.execute(
        """
        create or replace temp table rec_cancelled as
        select p.pid, min(r.pid) as reversal, p.source_code || '|' || p.payment_id as gid
        from rec_pr as r join rec_pr as p
            on p.source_code = r.source_code and p.payment_id = r.reverses_payment_id
        where r.kind = 'reversal' and p.kind = 'payment' and p.signed + r.signed = 0 and p.currency = r.currency
        group by p.pid, gid having count(*) = 1
        """
    )
    con.execute(
        """
        insert into rec_groups
        select 'cancelled', gid, pid, null from rec_cancelled
        union all
        select 'cancelled', gid, reversal, null from rec_cancelled
        """
    )
    _take_out(con)


def _reverse_in_books(con: duckdb.DuckDBPyConnection) -> None:
    """Where a lender reverses in its books only: a reversal of a received payment is explained by that payment."""
    con.execute(
        """
        insert into rec_groups
        select 'reversed_in_books', r.source_code || '|' || r.payment_id, r.pid, null
        from rec_pr as r
        join rec_all as original
            on original.source_code = r.source_code and original.payment_id = r.reverses_payment_id
        where r.kind = 'reversal' and original.kind = 'payment' and original.currency = r.currency
            and original.amount_minor = -r.signed
        """
    )
    _take_out(con)
