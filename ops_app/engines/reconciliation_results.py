"""Reconciliation, last part: matches, breaks with their suggestions, and the proof that nothing is missing."""

from __future__ import annotations

import duckdb

from ops_app.engines.reconciliation_prepare import line_terms, payment_terms
from ops_app.engines.reconciliation_rules import Rules


def write_matches(con: duckdb.DuckDBPyConnection, rules: Rules, *, part: bool = False) -> None:
    """``rec_matches``: one row per match. A match is named after its first payment, which it shares with no other.

    A view: the pairs are kept as they were found, and only who reads them pays for their ids and lists. Of a ``part``
    the pairs that stay settled are read from where they stand.
    """
    con.execute(
        """
        create or replace temp table rec_group_matches as
        with g as (select * from rec_groups anti join rec_shares using (pass_name, gid, pid)),
        members as (
            select g.pass_name, g.gid, min(p.source_code) as p_source, min(b.source_code) as b_source,
                list(p.payment_id order by p.payment_id) filter (p.pid is not null) as payment_ids,
                list(b.line order by b.line) filter (b.bid is not null) as lines,
                coalesce(sum(p.signed), 0)::bigint as lender, coalesce(sum(b.signed), 0)::bigint as bank,
                min(coalesce(p.currency, b.currency)) as currency,
                coalesce(min(p.value_date), min(b.value_date)) as value_date,
                -- payments that were pushed and cancel out are in no file
                coalesce(max(greatest(p.file_date, b.file_date)), max(p.value_date)) as matched_date
            from g left join rec_p_small as p using (pid) left join rec_b_small as b using (bid)
            group by g.pass_name, g.gid
        ),
        shares as (
            select pass_name, gid, sum(signed)::bigint as share
            from rec_shares join rec_p_small using (pid) group by 1, 2
        )
        select coalesce(coalesce(p_source, b_source) || '/' || payment_ids[1], b_source || '//' || lines[1])
                as match_id,
            pass_name, coalesce(p_source, b_source) as source_code, coalesce(payment_ids, []) as payment_ids,
            coalesce(lines, []) as bank_line_ids, lender as lender_minor, bank - coalesce(share, 0) as bank_minor,
            currency, value_date, lender - (bank - coalesce(share, 0)) as difference_minor, matched_date
        from members left join shares using (pass_name, gid)
        """
    )
    pairs = "select 'exact' as pass_name, pid, bid from rec_exact union all select pass_name, pid, bid from rec_pairs"
    found = _PAIRS.format(pairs=pairs, p="rec_p", b="rec_b")
    if part:
        settled = _PAIRS.format(
            pairs="select 'exact' as pass_name, pid, bid from rec_settled",
            p=f"(select rowid as pid, *, {payment_terms(rules)} from lender)",
            b=f"(select rowid as bid, *, {line_terms(rules)} from bank)",
        )
        found = f"{found} union all {settled}"
    con.execute(f"create or replace temp view rec_matches as {found} union all select * from rec_group_matches")


_PAIRS = """
    select p.source_code || '/' || p.payment_id as match_id, pass_name, p.source_code,
        [p.payment_id] as payment_ids, [b.line] as bank_line_ids, p.signed as lender_minor,
        b.signed as bank_minor, p.currency, p.value_date, p.signed - b.signed as difference_minor,
        greatest(p.file_date, b.file_date) as matched_date
    from ({pairs}) join {p} as p using (pid) join {b} as b using (bid)
"""


def write_breaks(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """``rec_breaks``: one row per break with both sides, what the ops store recorded, and what is suggested."""
    con.execute(
        """
        create or replace temp table rec_breaks as
        with named as (select source_code, payment_id from rec_p_small semi join rec_items using (pid)),
        recorded_of as (
            select source_code, payment_id, if(kind = 'payment', amount_minor, -amount_minor) as recorded
            from recorded semi join named using (source_code, payment_id)
        ),
        items as (
            select i.no, i.kind, i.reason, p.source_code as p_source, b.source_code as b_source,
                coalesce(p.book, b.book) as book, p.payment_id, b.line, p.signed as lender, b.signed as bank,
                coalesce(p.currency, b.currency) as currency, p.value_date as p_date, b.value_date as b_date,
                p.loan_id, p.only_pushed, s.pid is not null as shared, line_of.line as shared_line,
                recorded_of.recorded
            from rec_items as i
            left join rec_p_small as p using (pid) left join rec_b_small as b using (bid)
            left join rec_shares as s using (pid)
            left join (
                select pass_name, gid, min(line) as line
                from rec_groups join rec_b_small using (bid) group by pass_name, gid
            ) as line_of on line_of.pass_name = s.pass_name and line_of.gid = s.gid
            left join recorded_of
                on recorded_of.source_code = p.source_code and recorded_of.payment_id = p.payment_id
        )
        select no, min(kind) as kind, min(reason) as reason, coalesce(min(p_source), min(b_source)) as source_code,
            min(book) as book, min(currency) as currency,
            sum(lender) filter (not only_pushed)::bigint as lender_minor,
            coalesce(sum(bank), sum(lender) filter (shared))::bigint as bank_minor,
            sum(recorded)::bigint as recorded_minor,
            (coalesce(sum(lender), 0) - coalesce(sum(bank), sum(lender) filter (shared), 0))::bigint
                as difference_minor,
            case when min(loan_id) = max(loan_id) then min(loan_id) end as loan_id,
            list_sort(coalesce(list(payment_id) filter (payment_id is not null), [])) as payment_ids,
            list_sort(coalesce(list(line) filter (line is not null), [])) as bank_line_ids,
            coalesce(min(p_date), min(b_date)) as value_date, min(shared_line) as shared_line
        from items group by no
        """
    )
    _suggest(con, rules)


_ACTIONS = """
    case kind
        when 'unmatched_lender' then 'ask' when 'unmatched_bank' then 'park' when 'duplicate' then 'reject'
        when 'amount_differs' then 'ask' when 'date_out_of_period' then 'match' when 'unknown_loan' then 'ask'
        when 'reversal_without_original' then 'reject' else 'park'
    end
"""


def _suggest(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """``rec_suggested``: the nearest open item of the other side with the same amount; else what the kind calls for."""
    con.execute(
        f"""
        create or replace temp table rec_suggested as
        with open_lender as (select * from rec_breaks where kind = 'unmatched_lender'),
        open_bank as (select * from rec_breaks where kind = 'unmatched_bank'),
        near as (
            select l.no as l_no, b.no as b_no, l.payment_ids[1] as payment_id, b.bank_line_ids[1] as line,
                abs(b.value_date - l.value_date) as days
            from open_lender as l join open_bank as b
                on l.book = b.book and l.currency = b.currency and l.difference_minor = -b.difference_minor
            where abs(b.value_date - l.value_date) <= {rules.suggest_days}
        ),
        from_near as (
            select l_no as no, arg_min(b_no, (days, line)) as target_no from near group by l_no
            union all
            select b_no, arg_min(l_no, (days, payment_id)) from near group by b_no
        ),
        payers as (
            select b.no, arg_min(p.loan_id, (-epoch(p.value_date::timestamp), p.loan_id)) as loan_id
            from open_bank as b join rec_items as i using (no) join rec_b as line using (bid)
            join rec_payers as p on p.payer_account = line.counterparty_account
            group by b.no
        )
        select r.no,
            case when near.no is not null then 'match'
                when r.reason = 'sum_differs' then 'split'
                else {_ACTIONS} end as action,
            case when near.no is not null then 'same_amount_near_date'
                when r.reason <> '' then r.reason
                when r.kind = 'unmatched_lender' then 'bank_line_missing'
                when payers.no is not null then 'payer_known'
                else 'owner_unknown' end as reason,
            near.target_no,
            coalesce(twins.target, siblings.target, r.shared_line) as target_item,
            payers.loan_id as target_loan
        from rec_breaks as r
        left join from_near as near using (no)
        left join payers using (no)
        left join (select 'b|' || bid as no, target from rec_twins) as twins using (no)
        left join (select 'p|' || pid as no, target from rec_siblings) as siblings using (no)
        """
    )


def write_proof(con: duckdb.DuckDBPyConnection) -> None:
    """``rec_proof``: per book and currency, what each side says and how the difference is explained.

    ``difference = explained + unexplained``, and every item is in a match, in a break or outside with a reason. Exact
    matches are all payments but those kept aside.
    """
    con.execute(
        """
        create or replace temp table rec_proof as
        with sides as (
            select book, currency, items as payments, total as lender, 0 as lines, 0 as bank, 0 as out_payments,
                0 as out_lender, 0 as out_lines, 0 as out_bank, 0 as explained, 0 as unexplained, items as matches,
                0 as breaks
            from rec_p_totals
            union all
            select book, currency, 0, 0, items, total, 0, 0, 0, 0, 0, 0, 0, 0 from rec_b_totals
            union all
            select book, currency, 0, 0, 0, 0, count(*), sum(signed), 0, 0, 0, 0, 0, 0
            from rec_outside join rec_p_small using (pid) group by all
            union all
            select book, currency, 0, 0, 0, 0, 0, 0, count(*), sum(signed), 0, 0, 0, 0
            from rec_outside join rec_b_small using (bid) group by all
            union all
            select book, currency, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -count(*), 0 from rec_p_small group by all
            union all
            select p.book, p.currency, 0, 0, 0, 0, 0, 0, 0, 0, sum(p.signed - b.signed), 0, count(*), 0
            from rec_pairs join rec_p_small as p using (pid) join rec_b_small as b using (bid) group by all
            union all
            select coalesce(rec_books.book, m.source_code), currency, 0, 0, 0, 0, 0, 0, 0, 0, sum(difference_minor), 0,
                count(*), 0
            from rec_group_matches as m left join rec_books using (source_code) group by all
            union all
            select book, currency, 0, 0, 0, 0, 0, 0, 0, 0, 0, sum(difference_minor), 0, count(*)
            from rec_breaks group by all
        )
        select book, currency, sum(payments)::bigint as payments, sum(lender)::bigint as lender_minor,
            sum(lines)::bigint as bank_lines, sum(bank)::bigint as bank_minor,
            sum(out_payments)::bigint as outside_payments, sum(out_lender)::bigint as outside_lender_minor,
            sum(out_lines)::bigint as outside_lines, sum(out_bank)::bigint as outside_bank_minor,
            sum(matches)::bigint as matches, sum(breaks)::bigint as breaks,
            (sum(lender) - sum(out_lender) - sum(bank) + sum(out_bank))::bigint as difference_minor,
            sum(explained)::bigint as explained_minor, sum(unexplained)::bigint as unexplained_minor
        from sides group by book, currency order by book, currency
        """
    )
