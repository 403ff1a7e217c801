"""Standing orders as what the bank is expected to show: one payment a month, from the loan's grant to its end.

A sender whose bank lines are of its customers' own accounts tells no payments: money that a standing order moved from
such an account to the loan stands there as money out. ``reference`` and ``direction`` of the rules (data/reference/
reconciliation.yml) say which lines those are. Seen from the lender they are money in, paid by the customer's account;
every other line of such an account is the customer's own affair and is on no side. What an order lets expect is held
against these lines like any payment, but it is none: it is never recorded, and posts nothing.
"""

from __future__ import annotations

from datetime import date

from ops_app.engines.reconciliation_rules import Orders, Rules
from pipelines.sql_words import literal
from pipelines.warehouse import Connection

EXPECTED = "rec_expected"


def lay_out_orders(connection: Connection, rules: Rules, business_date: date) -> None:
    """``rec_expected`` (in the shape of ``lender``) of every source that the rules name, and ``bank`` as the lender
    sees it. An order is expected on its day of each month after the loan was granted up to its last instalment, as far
    as the source's statements reach."""
    connection.execute(f"create or replace temp table {EXPECTED} as select * from lender limit 0")
    for source, orders in sorted(rules.orders.items()):
        _turn_lines(connection, source, orders)
        connection.execute(f"insert into {EXPECTED} by name {_expected(source, orders, business_date)}")


def _turn_lines(connection: Connection, source: str, orders: Orders) -> None:
    """Lines of the source's standing orders as money in from the customer's account; its others are left out."""
    mine = f"source_code = {literal(source)}"
    paid = f"reference = {literal(orders.reference)} and direction = {literal(orders.direction)}"
    connection.execute(f"delete from bank where {mine} and not coalesce({paid}, false)")
    connection.execute(
        f"update bank set direction = 'in', counterparty_account = account, counterparty_name = null where {mine}"
    )


def _expected(source: str, orders: Orders, business_date: date) -> str:
    """Of several loans of one account the one whose instalment is nearest to the order pays by it."""
    until = f"date '{business_date.isoformat()}'"
    mine = f"source_code = {literal(source)} and file_date <= {until}"
    return f"""
        with standing as (
            select * from raw.standing_orders where {mine} and kind = {literal(orders.kind)}
            qualify row_number() over (
                partition by order_id order by file_date desc, file_id desc, line_no desc
            ) = 1
        ),
        granted as (
            select * from raw.loans where {mine} and originated_date is not null
            qualify row_number() over (
                partition by loan_id order by as_of_date desc, file_date desc, file_id desc, line_no desc
            ) = 1
        ),
        reach as (select max(booked_date) as last_date from raw.bank_lines where {mine}),
        pays as (
            select s.order_id, s.account, s.amount_minor, s.currency, s.file_id, s.line_no, g.loan_id,
                g.originated_date, coalesce(g.maturity_date, last_date) as maturity_date, last_date
            from standing as s cross join reach
            join granted as g
                on case when s.loan_id is not null then s.loan_id = g.loan_id else s.account = g.customer_id end
            qualify row_number() over (
                partition by s.order_id
                order by abs(coalesce(g.instalment_amount_minor, 0) - s.amount_minor), g.loan_id
            ) = 1
        ),
        months as (
            select *, unnest(generate_series(
                date_trunc('month', originated_date), last_date::timestamp, interval 1 month
            ))::date as month_date
            from pays
        ),
        days as (
            select *, least(month_date + {orders.day - 1}, last_day(month_date))::date as due_date from months
        )
        select {literal(source)} as source_code, 'order/' || order_id || '/' || due_date as payment_id, loan_id,
            'payment' as kind, due_date::timestamp as paid_at, due_date as value_date, due_date::timestamp as posted_at,
            due_date as posted_date,
            amount_minor, currency, 'standing_order' as channel, account as payer_account, due_date as file_date,
            file_id, line_no
        from days where due_date > originated_date and due_date <= maturity_date and due_date <= last_date
    """
