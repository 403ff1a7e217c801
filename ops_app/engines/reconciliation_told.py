"""Reconciliation, the two further sides: what agencies report and what collectors claim, held against the payments.

Run only where asked for, after the first two sides are done; a book without reports and claims pays nothing for it.
Three more relations are read:

``reports``   payments that agencies report, one content a key: feed_source, source_code (the lender's), agency_code,
              payment_id, loan_id, paid_date, amount_minor, currency, channel, remitted, file_date
``claims``    payments that collectors claim: claim_id, source_code, loan_id, collector_id, agency_code, paid_date,
              amount_minor, currency, channel, claimed_at
``windows``   when an agency had a loan: feed_source, source_code, loan_id, agency_code, from_date, until_date (null: it
              has it still)

and ``decided_told``, what people decided on their breaks: break_id, decision_group, kind, decision, source_code,
payment_ids, report_ids, claim_ids.

A report or a claim (a told item) is matched by the payment's own id, else by loan, amount and the nearest day, else
with a bank line that names it where the lender's payment is missing. Each ends in exactly one match, in exactly one
break, or waits with a reason. A payment may be told once by an agency and once by a collector: the two are matched
apart. Told items move no money: they explain, or ask.
"""

from __future__ import annotations

from datetime import date

import duckdb

from ops_app.engines.reconciliation_rules import Rules

CLAIM_KINDS = ("claim_without_payment", "claim_differs", "claimed_twice")
"""Kinds of breaks of the claims; all others of this part are of the reports."""


def hold_against_payments(con: duckdb.DuckDBPyConnection, rules: Rules, business_date: date) -> None:
    """Match what was told and leave ``rec_told_ends``, ``rec_told_items`` and ``rec_told_waiting``."""
    _lay_out(con, rules)
    _take_decisions(con)
    _match_by_id(con, rules)
    _match_by_amount(con, rules)
    _match_lines(con, rules)
    _name_breaks(con, rules, business_date)


def _lay_out(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    con.execute(
        """
        create or replace temp table rec_told as
        with sides as (
            select 'report' as side, agency_code || '/' || payment_id as told_id, source_code, loan_id,
                agency_code as teller, currency, amount_minor as amount, paid_date as day, payment_id,
                coalesce(remitted, true) as remitted, file_date::timestamp as told_at
            from reports
            union all
            select 'claim', claim_id, source_code, loan_id, collector_id, currency, amount_minor, paid_date, null, true,
                claimed_at
            from claims
        )
        select row_number() over (order by side, told_id) as tid, sides.*, coalesce(book, source_code) as book
        from sides left join rec_books using (source_code)
        """
    )
    con.execute(
        f"""
        create or replace temp table rec_told_p as
        with named as (select source_code, loan_id from rec_told union select source_code, loan_id from windows),
        spoken as (
            select feed_source, agency_code, min(file_date) as first_date, max(file_date) as last_date
            from reports group by all
        ),
        held as (
            select p.source_code, p.payment_id,
                bool_or(p.value_date + {rules.report_lag_days} <= spoken.last_date) as is_due
            from rec_all as p join windows as w using (source_code, loan_id)
            join spoken using (feed_source, agency_code)
            where p.value_date between w.from_date and coalesce(w.until_date, 'infinity'::date)
                and p.value_date >= spoken.first_date
            group by p.source_code, p.payment_id
        ),
        undone as (
            select source_code, reverses_payment_id as payment_id from rec_all
            where kind = 'reversal' and reverses_payment_id is not null
            union
            select p.source_code, p.payment_id from rec_items join rec_p_small as p using (pid)
            where rec_items.kind in ('duplicate', 'unknown_loan')
        )
        select row_number() over (order by p.source_code, p.payment_id) as ppid, p.source_code,
            coalesce(book, p.source_code) as book, p.payment_id, p.loan_id, p.currency, p.amount_minor as amount,
            p.value_date as day, held.is_due is not null and undone.payment_id is null as is_expected,
            coalesce(held.is_due, false) as is_due
        from rec_all as p semi join named using (source_code, loan_id)
        left join rec_books using (source_code)
        left join held on held.source_code = p.source_code and held.payment_id = p.payment_id
        left join undone on undone.source_code = p.source_code and undone.payment_id = p.payment_id
        where p.kind = 'payment'
        """
    )
    con.execute(
        "create or replace temp table rec_told_ends"
        " (side varchar, gid varchar, pass_name varchar, tid bigint, ppid bigint, bid bigint)"
    )
    con.execute("create or replace temp table rec_told_held (side varchar, break_id varchar, tid bigint, ppid bigint)")
    con.execute(
        "create or replace temp table rec_told_items"
        " (no varchar, kind varchar, reason varchar, side varchar, tid bigint, ppid bigint, target varchar)"
    )
    con.execute("create or replace temp table rec_told_waiting (side varchar, reason varchar, tid bigint, ppid bigint)")
    taken = " union all ".join(
        f"select side, tid, ppid from rec_told_{part}" for part in ("ends", "held", "items", "waiting")
    )
    con.execute(
        f"""
        create or replace temp view rec_told_left as
        select * from rec_told where tid not in (select tid from ({taken}) where tid is not null)
        """
    )
    con.execute(
        f"""
        create or replace temp view rec_told_free as
        select s.side, p.* from rec_told_p as p cross join (values ('report'), ('claim')) as s(side)
        anti join (select side, ppid from ({taken}) where ppid is not null) as taken
            on taken.side = s.side and taken.ppid = p.ppid
        """
    )


def _take_decisions(con: duckdb.DuckDBPyConnection) -> None:
    """What people put together is a match; what they rejected keeps its break and is matched no more."""
    con.execute(
        f"""
        create or replace temp table rec_told_decided as
        with items as (
            select *, if(kind in {CLAIM_KINDS}, 'claim', 'report') as side, unnest(payment_ids) as payment_id,
                null as told_id
            from decided_told
            union all
            select *, 'report', null, unnest(report_ids) from decided_told
            union all
            select *, 'claim', null, unnest(claim_ids) from decided_told
        )
        select items.break_id, items.decision_group, items.kind, items.decision, items.side, t.tid, p.ppid
        from items
        left join rec_told as t on t.side = items.side and t.told_id = items.told_id
        left join rec_told_p as p on p.source_code = items.source_code and p.payment_id = items.payment_id
        where t.tid is not null or p.ppid is not null
        """
    )
    con.execute(
        """
        insert into rec_told_ends
        select distinct side, 'm|' || decision_group, 'manual', tid, ppid, null::bigint
        from rec_told_decided where decision <> 'reject'
        """
    )
    con.execute(
        """
        insert into rec_told_held
        select side, min(break_id), tid, ppid from rec_told_decided as d
        where decision = 'reject' and not exists (
            select 1 from rec_told_ends as e
            where e.side = d.side and (e.tid = d.tid or e.ppid = d.ppid)
        )
        group by side, tid, ppid
        """
    )


_SAME_LOAN = "t.side = p.side and t.source_code = p.source_code and t.loan_id = p.loan_id and t.currency = p.currency"


def _match_by_id(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    con.execute(
        f"""
        insert into rec_told_ends
        select t.side, 't|' || t.tid, 'payment_id', t.tid, p.ppid, null
        from rec_told_left as t join rec_told_free as p
            on {_SAME_LOAN} and t.amount = p.amount and t.payment_id = p.payment_id
        where abs(p.day - t.day) <= {rules.told_days}
        qualify row_number() over (partition by p.side, p.ppid order by t.told_at, t.told_id) = 1
        """
    )


def _match_by_amount(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Loan and amount equal, the nearest day first; of several alike the earliest told meets the first payment."""
    near = f"p.day - t.day between {-rules.told_days} and {rules.told_days}"
    occurring = con.execute(
        f"""
        select distinct p.day - t.day from rec_told_left as t
        join rec_told_free as p on {_SAME_LOAN} and t.amount = p.amount where {near}
        """
    ).fetchall()
    key = "side, source_code, loan_id, currency, amount, day"
    for days in sorted((days for (days,) in occurring), key=lambda d: (abs(d), d < 0)):
        con.execute(
            f"""
            insert into rec_told_ends
            with told as (
                select *, row_number() over (partition by {key} order by told_at, told_id) as n from rec_told_left
            ),
            paid as (
                select *, row_number() over (partition by {key} order by not is_expected, payment_id) as n
                from rec_told_free
            )
            select t.side, 't|' || t.tid, 'loan_amount', t.tid, p.ppid, null
            from told as t
            join paid as p on {_SAME_LOAN} and t.amount = p.amount and t.day + {days} = p.day and t.n = p.n
            """
        )


def _match_lines(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """A bank line that nobody owns, of the amount, whose text names the loan or the payment, and nothing else fits."""
    con.execute(
        f"""
        insert into rec_told_ends
        with words as (
            select distinct i.bid, b.book, b.currency, b.signed, b.value_date,
                unnest(regexp_extract_all(upper(w.reference), '[0-9A-Z][0-9A-Z_-]{{3,}}')) as word
            from rec_items as i join rec_b_small as b using (bid)
            join bank as w on w.source_code = b.source_code and w.account = b.account and w.line_id = b.line_id
            where i.kind = 'unmatched_bank' and w.reference is not null
        ),
        names as (
            select tid, upper(loan_id) as word from rec_told_left
            union select tid, upper(payment_id) from rec_told_left where payment_id is not null
        ),
        edges as (
            select distinct t.side, t.tid, words.bid
            from words join names using (word) join rec_told_left as t using (tid)
            where t.book = words.book and t.currency = words.currency and t.amount = words.signed
                and words.value_date - t.day between {-rules.bank_early_days} and {rules.bank_late_days}
        ),
        counted as (
            select *, count(*) over (partition by side, tid) as lines, count(*) over (partition by side, bid) as told
            from edges
        )
        select side, 't|' || tid, 'bank_line', tid, null, bid from counted where lines = 1 and told = 1
        """
    )


def _name_breaks(con: duckdb.DuckDBPyConnection, rules: Rules, business_date: date) -> None:
    day = f"date '{business_date.isoformat()}'"
    con.execute(
        """
        insert into rec_told_items
        select 'held|' || break_id, any_value(decided_told.kind), 'held', side, tid, ppid, null
        from rec_told_held join decided_told using (break_id) group by break_id, side, tid, ppid
        """
    )
    con.execute("delete from rec_told_held")
    _differs(con, rules, "t.payment_id = p.payment_id", "true")
    _told_twice(con, rules)
    _wait(con, rules, day)
    _differs(con, rules, f"abs(p.day - t.day) <= {rules.told_days}", "told = 1 and paid = 1")
    con.execute(
        """
        insert into rec_told_items
        select 't|' || tid,
            case when side = 'claim' then 'claim_without_payment' when not remitted then 'not_remitted'
                else 'report_without_payment' end,
            case when loans.loan_id is null then 'loan_not_in_book' when side = 'claim' then 'no_payment_of_claim'
                when not remitted then 'cash_not_remitted' else 'reported_not_received' end,
            side, tid, null, null
        from rec_told_left left join loans using (source_code, loan_id)
        """
    )
    con.execute(
        """
        insert into rec_told_waiting
        select 'report', 'agency_not_yet', null, ppid from rec_told_free
        where side = 'report' and is_expected and not is_due
        """
    )
    con.execute(
        """
        insert into rec_told_items
        select 'p|' || ppid, 'payment_not_reported', 'agency_silent', 'report', null, ppid, null from rec_told_free
        where side = 'report' and is_expected and is_due
        """
    )


def _differs(con: duckdb.DuckDBPyConnection, rules: Rules, fits: str, alone: str) -> None:
    """The payment is there, of another amount: by its own id, or as the only one of its loan within the days."""
    con.execute(
        f"""
        create or replace temp table rec_told_pairs as
        with edges as (
            select t.side, t.tid, p.ppid, t.told_at, t.told_id
            from rec_told_left as t join rec_told_free as p on {_SAME_LOAN} and t.amount <> p.amount
            where {fits}
        ),
        counted as (
            select *, count(*) over (partition by side, tid) as paid, count(*) over (partition by side, ppid) as told
            from edges
        )
        select side, tid, ppid from counted where {alone}
        qualify row_number() over (partition by side, ppid order by told_at, told_id) = 1
            and row_number() over (partition by side, tid order by ppid) = 1
        """
    )
    con.execute(
        """
        insert into rec_told_items
        select 't|' || tid, if(side = 'claim', 'claim_differs', 'report_differs'), 'told_amount_differs', side, tid,
            ppid, null
        from rec_told_pairs
        """
    )


def _told_twice(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """The same payment told again: loan and amount agree, the days lie near, and one of the two is enough."""
    con.execute(
        f"""
        create or replace temp table rec_told_twins as
        with settled as (select tid from rec_told_ends where tid is not null)
        select t.tid, t.side,
            arg_min(o.told_id, (o.tid not in (select tid from settled), o.told_at, o.told_id)) as target,
            arg_min(o.teller, (o.tid not in (select tid from settled), o.told_at, o.told_id)) as first_teller,
            any_value(t.teller) as teller
        from rec_told_left as t join rec_told as o
            on o.side = t.side and o.source_code = t.source_code and o.loan_id = t.loan_id and o.currency = t.currency
            and o.amount = t.amount and o.tid <> t.tid and abs(o.day - t.day) <= {rules.twice_days}
        where o.tid in (select tid from settled) or (o.told_at, o.told_id) < (t.told_at, t.told_id)
        group by t.tid, t.side
        """
    )
    con.execute(
        """
        insert into rec_told_items
        select 't|' || tid, if(side = 'claim', 'claimed_twice', 'reported_twice'),
            case when side = 'report' then 'reported_again' when teller = first_teller then 'claimed_again'
                else 'claimed_by_other' end,
            side, tid, null, target
        from rec_told_twins
        """
    )


def _wait(con: duckdb.DuckDBPyConnection, rules: Rules, day: str) -> None:
    """What cannot be compared yet: the lender has not spoken of the day, or the remittance is not due. A lender that
    stays silent hides nothing: after ``bank_late_days`` more the item is broken all the same."""
    con.execute(
        f"""
        insert into rec_told_waiting
        select side,
            case when not remitted and t.day + {rules.remit_days} >= {day} then 'remittance_not_due'
                when p_begin is null then 'no_lender_feed' when t.day < p_begin then 'before_lender_feed'
                else 'lender_not_yet' end,
            tid, null
        from rec_told_left as t left join rec_begin using (book)
        where (not remitted and t.day + {rules.remit_days} >= {day})
            or p_begin is null or t.day < p_begin
            or (
                remitted and t.day + {rules.arrival_days} > p_end
                and t.day + {rules.arrival_days + rules.bank_late_days} >= {day}
            )
        """
    )
