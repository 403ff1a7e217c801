"""Intake: which spells of collection the days of the loans feed make, and which of them are cases by which rule.

The engine is handed an open DuckDB connection in which these relations stand, and reads nothing else:

``loan_days``   the content that counts of each loan and day: source_code, loan_id, as_of_date, customer_id,
                lender_code, product_code, region_code, currency, principal_minor, interest_minor, fees_minor,
                penalty_minor, balance_minor, days_past_due, bucket, status, is_in_collection, is_paid, file_id, line_no
``carried``     what the days before them made of each loan: source_code, loan_id, spell_no, is_open
``in_collection`` (for ``missing``) the same of every source, without the loans that these days closed

It leaves the temporary table ``intake_spells``, one row a spell that the days touch; ``close`` drops it. A spell opens
on the first day in collection and closes on the first day out of it, as ``int_case_events`` in the warehouse has it; a
day on which a loan is not sent changes nothing. Within a spell the case opens on the first day that fits its rule.

Cost for n loan days: one window over n rows and one hash aggregate; nothing is looked at row by row from Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import duckdb
import polars as pl

from ops_app.domain.casework.intake import IntakeRule
from ops_app.domain.organisation.parameter_ranges import Range

_RULES: dict[str, Any] = {
    "rule": pl.String,
    "version": pl.Int64,
    "valid_from": pl.Date,
    "least_days_past_due": pl.Int64,
    "least_balance_minor": pl.Int64,
    "lender_code": pl.String,
    "product_code": pl.String,
    "exclude_statuses": pl.List(pl.String),
    "exclude_regions": pl.List(pl.String),
    "placement_from_days": pl.Int64,
    "weight": pl.Int64,
}
_FACTS = (
    "customer_id", "lender_code", "product_code", "region_code", "currency", "principal_minor", "interest_minor",
    "fees_minor", "penalty_minor", "balance_minor", "days_past_due", "bucket",
)  # fmt: skip
"""What a case shows of the loan: of the last day in the spell, the closing day included."""


def measured(relation: str, buckets: Mapping[str | None, Sequence[Range]]) -> str:
    """The query that makes ``loan_days`` of ``relation``, which has the columns of ``raw.loans``, one row a loan and
    day. ``buckets`` are the edges of the house (under ``None``) and of lenders that have their own."""
    own = " ".join(
        f"when lender_code = {_literal(lender)} then {_bucket(edges)}" for lender, edges in buckets.items() if lender
    )
    bucket = f"case {own} else {_bucket(buckets[None])} end" if own else _bucket(buckets[None])
    return _MEASURED.format(relation=relation, bucket=bucket)


def spells(
    con: duckdb.DuckDBPyConnection,
    rules: Sequence[IntakeRule],
    least_days: Callable[[str | None, str | None, date], int],
) -> pl.DataFrame:
    """One row a spell touched by the days, by source, loan and spell; ``opened_date`` is null where no rule was met.

    ``least_days`` gives the days past due from which on a loan of a lender and product is a case on a day, for rules
    that say no number themselves.
    """
    _lay_out_rules(con, rules)
    _lay_out_terms(con, least_days)
    facts = ", ".join(f"arg_max({name}, as_of_date) as {name}" for name in _FACTS)
    opened = {"as_of_date": "opened_date", "file_id": "opened_file_id", "line_no": "opened_line_no",
              "rule": "rule", "version": "rule_version"}  # fmt: skip
    opening = ", ".join(
        f"arg_min({name}, as_of_date) filter (where is_in_collection and fits) as {into}"
        for name, into in opened.items()
    )
    closed = {"as_of_date": "closed_date", "file_id": "closed_file_id", "line_no": "closed_line_no",
              "close_reason": "close_reason", "rule": "closed_rule", "version": "closed_rule_version"}  # fmt: skip
    closing = ", ".join(
        f"arg_max({name}, as_of_date) filter (where not is_in_collection) as {into}" for name, into in closed.items()
    )
    con.execute(
        f"""
        create or replace temp table intake_spells as
        with judged as ({_JUDGED}),
        entered as (
            select d.*, coalesce(c.spell_no, 0) as carried_spell_no,
                coalesce(
                    lag(d.is_in_collection) over (partition by d.source_code, d.loan_id order by d.as_of_date),
                    c.is_open, false
                ) as was_in_collection
            from judged as d left join carried as c using (source_code, loan_id)
        ),
        numbered as (
            select *, carried_spell_no + sum(if(is_in_collection and not was_in_collection, 1, 0)) over (
                partition by source_code, loan_id order by as_of_date rows unbounded preceding
            ) as spell_no
            from entered where is_in_collection or was_in_collection
        )
        select source_code, loan_id, cast(spell_no as bigint) as spell_no, {facts},
            max(as_of_date) as as_of_date,
            bool_and(is_in_collection) as is_open,
            min(as_of_date) filter (where status = 'written_off') as written_off_date,
            coalesce(arg_max(days_past_due >= placement_from_days, as_of_date), false) as is_due_for_placement,
            {opening}, {closing}
        from numbered group by source_code, loan_id, spell_no
        """
    )
    found: pl.DataFrame = con.sql(
        "select md5(source_code || chr(31) || loan_id || chr(31) || spell_no) as case_id,"
        " md5(source_code || chr(31) || customer_id) as debtor_key, * from intake_spells"
        " order by source_code, loan_id, spell_no"
    ).pl()
    return found


def missing(con: duckdb.DuckDBPyConnection, business_date: date) -> pl.DataFrame:
    """Loans that were in collection and that the full feed of ``business_date`` does not have: source_code, loan_id,
    spell_no. Only sources that sent something for the day are looked at."""
    found: pl.DataFrame = con.sql(
        f"""
            with today as (
                select source_code, loan_id from loan_days where as_of_date = date '{business_date.isoformat()}'
            )
            select source_code, loan_id, spell_no from in_collection as carried
            where is_open and source_code in (select source_code from today)
                and not exists (
                    select 1 from today
                    where today.source_code = carried.source_code and today.loan_id = carried.loan_id
                )
            order by source_code, loan_id
            """
    ).pl()
    return found


def close(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what the engine made."""
    con.execute("drop table if exists intake_spells")
    con.execute("drop table if exists intake_rules")
    con.execute("drop table if exists intake_terms")


def _lay_out_rules(con: duckdb.DuckDBPyConnection, rules: Sequence[IntakeRule]) -> None:
    frame = pl.DataFrame([{name: getattr(one, name) for name in _RULES} for one in rules], schema=_RULES, orient="row")
    con.register("intake_rules_given", frame.to_arrow())
    con.execute("create or replace temp table intake_rules as select * from intake_rules_given")
    con.unregister("intake_rules_given")


def _lay_out_terms(con: duckdb.DuckDBPyConnection, least_days: Callable[[str | None, str | None, date], int]) -> None:
    """Per day, lender and product the one rule that counts; it is found for these few, not for every row."""
    con.execute(
        """
        create or replace temp table intake_terms as
        select k.as_of_date, k.lender_code, k.product_code, r.* exclude (lender_code, product_code)
        from (select distinct as_of_date, lender_code, product_code from loan_days) as k
        join intake_rules as r
            on r.valid_from <= k.as_of_date
            and (r.lender_code is null or r.lender_code = k.lender_code)
            and (r.product_code is null or r.product_code = k.product_code)
        qualify row_number() over (
            partition by k.as_of_date, k.lender_code, k.product_code order by r.weight desc, r.valid_from desc
        ) = 1
        """
    )
    open_ended = con.execute(
        "select as_of_date, lender_code, product_code from intake_terms where least_days_past_due is null"
    ).fetchall()
    if open_ended:
        con.executemany(
            "update intake_terms set least_days_past_due = ? where as_of_date = ?"
            " and lender_code is not distinct from ? and product_code is not distinct from ?",
            [(least_days(lender, product, day), day, lender, product) for day, lender, product in open_ended],
        )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _bucket(edges: Sequence[Range]) -> str:
    below = " ".join(f"when dpd <= {one.last} then {_literal(one.code)}" for one in edges if one.last is not None)
    return f"case {below} else {_literal(edges[-1].code)} end"


_MEASURED = """
    with measured as (
        select *,
            coalesce(outstanding_principal_minor, 0) as principal_minor,
            coalesce(outstanding_interest_minor, 0) as interest_minor,
            coalesce(outstanding_fees_minor, 0) as fees_minor,
            coalesce(outstanding_penalty_minor, 0) as penalty_minor,
            principal_minor + interest_minor + fees_minor + penalty_minor as balance_minor,
            cast(coalesce(days_past_due, 0) as bigint) as dpd,
            coalesce(
                outstanding_principal_minor, outstanding_interest_minor, outstanding_fees_minor,
                outstanding_penalty_minor
            ) is not null
            and coalesce(imputed_columns, '') not like '%outstanding_principal%' as is_balance_known
        from {relation}
    )
    select source_code, loan_id, as_of_date, customer_id, lender_code,
        coalesce(product_code, 'unknown') as product_code, coalesce(region_code, 'unknown') as region_code,
        currency, principal_minor, interest_minor, fees_minor, penalty_minor, balance_minor,
        dpd as days_past_due, {bucket} as bucket, status,
        coalesce(
            status = 'written_off'
            or (
                status not in ('settled', 'sold', 'cancelled') and (dpd > 0 or status = 'overdue')
                and (balance_minor > 0 or not is_balance_known)
            ), false
        ) as is_in_collection,
        status = 'settled' or (is_balance_known and balance_minor = 0) as is_paid, file_id, line_no
    from measured
"""
_JUDGED = """
    select d.*, r.rule, r.version, r.placement_from_days,
        r.rule is not null
        and (d.days_past_due >= r.least_days_past_due or d.status = 'written_off')
        and d.balance_minor >= r.least_balance_minor
        and not list_contains(r.exclude_statuses, d.status)
        and not list_contains(r.exclude_regions, d.region_code) as fits,
        case when d.status in ('sold', 'cancelled') then d.status when d.is_paid then 'paid' else 'cured' end
            as close_reason
    from loan_days as d
    left join intake_terms as r
        on r.as_of_date = d.as_of_date and r.product_code is not distinct from d.product_code
        and r.lender_code is not distinct from d.lender_code
"""
