"""Reconciliation, third part: every item that no pass explained gets exactly one name, a suggestion and its reason."""

from __future__ import annotations

from datetime import date

import duckdb

from ops_app.engines.reconciliation_passes import gather_references, put_together
from ops_app.engines.reconciliation_rules import Rules


def flag_payments(con: duckdb.DuckDBPyConnection, rules: Rules, business_date: date) -> None:
    """``rec_flags``: payments that are wrong by themselves, whatever the bank says. One flag each, gravest first."""
    con.execute("create or replace temp table rec_named as select distinct source_code from loans")
    unnamed = con.execute("select 1 from rec_p anti join rec_named using (source_code) limit 1").fetchall()
    named = "semi join rec_named using (source_code)" if unnamed else ""
    con.execute(
        f"""
        create or replace temp table rec_flags as
        with reversals as (
            select r.pid, original.payment_id as original_id,
                row_number() over (
                    partition by r.source_code, r.reverses_payment_id order by r.file_date nulls last, r.payment_id
                ) as nth
            from rec_p as r
            left join rec_p as original
                on original.source_code = r.source_code and original.payment_id = r.reverses_payment_id
                and original.kind = 'payment'
            where r.kind = 'reversal'
        ),
        flags as (
            select pid, 1 as gravity, 'reversal_without_original' as kind, 'original_not_found' as reason
            from reversals where original_id is null
            union all
            select pid, 2, 'duplicate', 'already_reversed' from reversals where original_id is not null and nth > 1
            union all
            select pid, 3, 'unknown_loan', 'loan_not_in_book'
            from rec_p {named} anti join loans using (source_code, loan_id)
            union all
            select pid, if(value_date > date '{business_date.isoformat()}', 4, 5), 'date_out_of_period',
                if(value_date > date '{business_date.isoformat()}', 'value_date_ahead', 'booked_back')
            from rec_p
            where value_date > date '{business_date.isoformat()}' or posted_date - value_date > {rules.backdate_days}
        )
        select pid, arg_min(kind, gravity) as kind, arg_min(reason, gravity) as reason
        from flags where pid not in (
            select pid from rec_decided where shared and decision in ('match', 'split') and pid is not null
        )
        group by pid
        """
    )


def name_breaks(con: duckdb.DuckDBPyConnection, rules: Rules, business_date: date) -> None:
    """``rec_items`` (break, kind, reason, item): the residue and the flagged, each item once; ``rec_outside``: what is
    no repayment of ours, with the reason."""
    con.execute(
        "create or replace temp table rec_items (no varchar, kind varchar, reason varchar, pid bigint, bid bigint)"
    )
    con.execute("create or replace temp table rec_outside (pid bigint, bid bigint, reason varchar)")
    settled = "what in ('refund_paid', 'refund_returned')"
    con.execute(f"insert into rec_outside select null, bid, what from rec_refunded where {settled}")
    con.execute(
        "insert into rec_items select 'b|' || bid, 'unmatched_bank', what, null, bid from rec_refunded"
        f" where not {settled}"
    )
    con.execute(
        """
        insert into rec_items
        select 'held|' || break_id, any_value(decided.kind), 'held', pid, bid
        from rec_held join decided using (break_id) group by break_id, pid, bid
        """
    )
    _flagged_pairs(con)
    _disagreeing_references(con, rules)
    _flagged_residue(con)
    _set_outside(con, rules, business_date)
    _duplicate_lines(con)
    _duplicate_payments(con)
    con.execute(
        """
        insert into rec_items
        select 'p|' || pid, 'unmatched_lender', case when only_pushed then 'only_pushed' else '' end, pid, null
        from rec_pr
        """
    )
    con.execute("insert into rec_items select 'b|' || bid, 'unmatched_bank', '', null, bid from rec_br")


def _take_out(con: duckdb.DuckDBPyConnection) -> None:
    for table in ("rec_items", "rec_outside"):
        con.execute(f"delete from rec_pr where pid in (select pid from {table} where pid is not null)")
        con.execute(f"delete from rec_br where bid in (select bid from {table} where bid is not null)")


def _flagged_pairs(con: duckdb.DuckDBPyConnection) -> None:
    """A flagged payment that was matched one to one takes its line with it into the break."""
    con.execute(
        """
        create or replace temp table rec_flagged as
        with pairs as (
            select pid, bid from rec_exact semi join rec_flags using (pid)
            union all
            select pid, bid from rec_pairs semi join rec_flags using (pid)
        )
        select pid, bid, kind, reason from pairs join rec_flags using (pid)
        """
    )
    con.execute(
        """
        insert into rec_items
        select 'p|' || pid, kind, reason, pid, null from rec_flagged
        union all
        select 'p|' || pid, kind, reason, null, bid from rec_flagged
        """
    )
    # in a group it leaves alone: the line stays with the group, less the share of the flagged payment
    con.execute(
        """
        create or replace temp table rec_shares as
        with with_line as (
            select pass_name, gid from rec_groups
            where pass_name not in ('manual', 'manual_split', 'cancelled', 'reversed_in_books')
            group by pass_name, gid having count(bid) > 0
        )
        select pass_name, gid, pid from rec_groups semi join with_line using (pass_name, gid)
        where pid in (select pid from rec_flags)
        """
    )
    con.execute(
        "insert into rec_items select 'p|' || pid, kind, reason, pid, null from rec_shares join rec_flags using (pid)"
    )
    for table in ("rec_exact", "rec_pairs"):
        con.execute(f"delete from {table} where pid in (select pid from rec_flagged)")


def _disagreeing_references(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """One reference on both sides, but other sums or days too far apart: the items are broken together."""
    con.execute("create or replace temp table rec_apart (pass_name varchar, gid varchar, pid bigint, bid bigint)")
    gather_references(con)
    near = f"abs(r.b_first - r.p_first) <= {rules.apart_days} and abs(r.b_last - r.p_last) <= {rules.apart_days}"
    small = f"(r.payments + r.lines <= {rules.group_items} or (r.lines = 1 and r.one_channel and r.p_first = r.p_last))"
    one = "r.payments = 1 and r.lines = 1"
    together = f"r.sources = 1 and {near} and {small}"
    put_together(con, "dates_apart", f"{together} and r.lender = r.bank", "rec_apart")
    put_together(con, "same_reference", f"{together} and r.lender <> r.bank and {one}", "rec_apart")
    put_together(con, "sum_differs", f"{together} and r.lender <> r.bank and not ({one})", "rec_apart")
    con.execute(
        """
        insert into rec_items
        with flagged as (
            select gid, any_value(kind) as kind, any_value(reason) as reason
            from rec_apart join rec_flags using (pid) group by gid having count(*) = 1
        ),
        single as (select gid from rec_apart group by gid having count(pid) = 1)
        select 'g|' || gid,
            coalesce(flagged.kind, if(pass_name = 'dates_apart', 'date_out_of_period', 'amount_differs')),
            coalesce(flagged.reason, pass_name), pid, bid
        from rec_apart
        left join (select * from flagged semi join single using (gid)) as flagged using (gid)
        """
    )
    _take_out(con)


def _flagged_residue(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        insert into rec_items
        select 'p|' || pid, rec_flags.kind, reason, pid, null from rec_pr join rec_flags using (pid)
        """
    )
    _take_out(con)


def _set_outside(con: duckdb.DuckDBPyConnection, rules: Rules, business_date: date) -> None:
    """Money that went out without a refund or reversal, fees and interest by rule, and what cannot be compared yet.

    A side is compared over the days on which the other side speaks: from its first day on, and up to the day of its
    last statement (a payment of a weekend waits for Monday's statement, ``bank_late_days`` at most).
    """
    con.execute(
        """
        create or replace temp table rec_begin as
        with p as (
            select book, min(first_date) as p_begin, max(last_date) as p_end from rec_p_totals group by book
        ),
        b as (select book, min(first_date) as b_begin, max(last_date) as b_end from rec_b_totals group by book)
        select book, p_begin, p_end, b_begin, b_end from p full join b using (book)
        """
    )
    con.execute(
        f"""
        insert into rec_outside
        select pid, null, case when b_begin is null then 'no_bank_feed'
            when value_date < b_begin then 'before_bank_feed' else 'bank_not_yet' end
        from rec_pr join rec_begin using (book)
        where b_begin is null or value_date < b_begin
            or (value_date + {rules.bank_lag_days} > b_end
                and value_date + {rules.bank_late_days} >= date '{business_date.isoformat()}')
        """
    )
    con.execute(
        f"""
        insert into rec_outside
        select null, bid, case when signed <= 0 then 'money_out' when p_begin is null then 'no_lender_feed'
            when value_date < p_begin then 'before_lender_feed' else 'lender_not_yet' end
        from rec_br join rec_begin using (book)
        where signed <= 0 or p_begin is null or value_date < p_begin - {rules.bank_early_days}
            or (value_date > p_end and value_date + {rules.bank_late_days} >= date '{business_date.isoformat()}')
        """
    )
    for rule in rules.outside:
        con.execute(
            """
            insert into rec_outside
            select null, bid, $1 from rec_br
            where bid not in (select bid from rec_outside where bid is not null)
                and regexp_matches(concat_ws(' ', reference, counterparty_name), $2)
            """,
            [f"rule:{rule.code}", rule.pattern],
        )
    _take_out(con)


def _matched(number: str, among: str) -> str:
    """Those of the twins in ``among`` that a pass has matched (the small side is looked for in the large one)."""
    return " union all ".join(
        f"select {number} from {table} where {number} in (select twin from {among})"
        for table in ("rec_exact", "rec_pairs", "rec_groups")
    )


def _duplicate_lines(con: duckdb.DuckDBPyConnection) -> None:
    """The same line twice: account, day, amount, direction and text agree; one of them is enough."""
    con.execute(
        f"""
        create or replace temp table rec_twins as
        with alike as (
            select r.bid, r.file_date, r.line, other.bid as twin, other.file_date as twin_date, other.line as twin_line
            from rec_br as r
            join rec_b_alike as other
                on other.k = r.k and other.source_code = r.source_code and other.account = r.account
                and other.value_date = r.value_date and other.signed = r.signed and other.currency = r.currency
                and other.line_id <> r.line_id and other.reference is not distinct from r.reference
                and other.counterparty_account is not distinct from r.counterparty_account
            where coalesce(r.reference, r.counterparty_account) is not null
        ),
        matched as ({_matched("bid", "alike")}),
        judged as (select *, twin in (select bid from matched) as settled from alike)
        select bid, arg_min(twin_line, (not settled, twin_date, twin_line)) as target, bool_or(settled) as settled
        from judged where settled or (twin_date, twin_line) < (file_date, line)
        group by bid
        """
    )
    con.execute(
        """
        insert into rec_items
        select 'b|' || bid, 'duplicate', if(settled, 'repeats_line', 'repeats_open_item'), null, bid
        from rec_twins
        """
    )
    _take_out(con)


def _duplicate_payments(con: duckdb.DuckDBPyConnection) -> None:
    """The same payment under two ids: loan, kind, amount, day and payer agree, and so does moment or reference."""
    con.execute(
        f"""
        create or replace temp table rec_siblings as
        with same_sum as (
            select * from rec_p semi join (select distinct signed, value_date from rec_pr) using (signed, value_date)
        ),
        alike as (
            select r.pid, coalesce(r.file_date, 'infinity'::date) as file_date, r.payment_id, other.pid as twin,
                coalesce(other.file_date, 'infinity'::date) as twin_date, other.payment_id as twin_id
            from rec_pr as r
            join same_sum as other
                on other.source_code = r.source_code and other.loan_id = r.loan_id and other.kind = r.kind
                and other.signed = r.signed and other.currency = r.currency
                and other.value_date = r.value_date and other.payment_id <> r.payment_id
                and other.channel is not distinct from r.channel
                and other.payer_account is not distinct from r.payer_account
                and (other.reference = r.reference or other.paid_at = r.paid_at)
        ),
        matched as ({_matched("pid", "alike")}),
        judged as (select *, twin in (select pid from matched) as settled from alike)
        select pid, arg_min(twin_id, (not settled, twin_date, twin_id)) as target, bool_or(settled) as settled
        from judged where settled or (twin_date, twin_id) < (file_date, payment_id)
        group by pid
        """
    )
    con.execute(
        """
        insert into rec_items
        select 'p|' || pid, 'duplicate', if(settled, 'repeats_payment', 'repeats_open_item'), pid, null
        from rec_siblings
        """
    )
    _take_out(con)
