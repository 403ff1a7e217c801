"""A small book of loans as accepted feeds, delivered day by day in any order, for tests of the marts.

Behaviour comes from hashes of loan and day, so every delivery order has the same rows. Some loans cure and fall behind
again, some are written off, sold or leave the feed; some payments are reversed, one comes twice with other content.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from pipelines.warehouse import Connection

FIRST_DAY = date(2026, 1, 20)
DAYS = 50
LOANS = 240

_LOANS = """
create or replace temp macro draw(x) as cast(hash(x) % 1000003 as integer);
create or replace temp table book_loans as
with days as (select cast(d as date) as day, row_number() over (order by d) as n
    from generate_series(cast($first as date), cast($first as date) + $days - 1, interval 1 day) as t(d)),
loans as (select i, 'L' || lpad(cast(i as varchar), 5, '0') as loan_id, draw(i) % 5 as habit, draw(i * 7) % 40 as start
    from range($loans) as t(i)),
states as (
    select loans.*, days.day, days.n,
        case habit
            when 0 then 0
            when 1 then greatest(0, n - start)
            when 2 then case when n < start then 0 when n < start + 12 then n - start when n < start + 16 then 0
                else n - start - 16 end
            when 3 then start * 4 + n
            else case when n between start and start + 8 then n - start else 0 end
        end as dpd
    from loans cross join days
    where not (i % 37 = 5 and n > 30) and not (i % 41 = 7 and n in (11, 12))
)
select day as as_of_date, loan_id, 'C' || cast(i // 2 as varchar) as customer_id, 'BANK' as lender_code,
    ['credit_card', 'consumer_instalment', 'p2p_loan'][1 + i % 3] as product_code,
    case when i % 29 = 0 then 'JPY' else 'CNY' end as currency,
    date '2025-06-01' + cast(i % 200 as integer) as originated_date, date '2028-01-01' as maturity_date,
    1000000 + i * 1000 as original_principal_minor,
    case when i % 23 = 3 and n > 40 then 0 else 500000 + i * 997 - n * 10 end as outstanding_principal_minor,
    case when i % 23 = 3 and n > 40 then 0 else dpd * 31 end as outstanding_interest_minor,
    0 as outstanding_fees_minor, case when i % 23 = 3 and n > 40 then 0 else dpd * 7 end as outstanding_penalty_minor,
    case when i % 23 = 3 and n > 40 then 0 else cast(dpd as bigint) end as days_past_due,
    cast(null as date) as overdue_since_date, 50000 as instalment_amount_minor, cast(null as date) as next_due_date,
    cast(null as date) as last_paid_date,
    case when i % 23 = 3 and n > 40 then 'settled' when i % 31 = 4 and dpd > 20 then 'written_off'
        when i % 43 = 8 and n > 35 then 'sold' when dpd > 0 then 'overdue' else 'active' end as status,
    case when i % 17 = 0 then null else '110000' end as region_code
from states
"""

_REPAYMENTS = """
create or replace temp table book_repayments as
with paid as (
    select *, draw(loan_id || cast(as_of_date as varchar)) as h from book_loans where days_past_due > 0
),
payments as (
    select 'P' || loan_id || strftime(as_of_date, '%m%d') as payment_id, loan_id, 'payment' as kind,
        cast(null as varchar) as reverses_payment_id, as_of_date, as_of_date as value_date, currency,
        cast(1000 + h % 100000 as bigint) as amount_minor, h
    from paid where h % 9 = 0
),
reversals as (
    select 'R' || payment_id as payment_id, loan_id, 'reversal' as kind, payment_id as reverses_payment_id,
        cast(as_of_date + 6 as date) as as_of_date, cast(value_date + 6 as date) as value_date, currency,
        amount_minor, h
    from payments where h % 5 = 0 and as_of_date + 6 < cast($first as date) + $days
),
conflicts as (
    select payment_id, loan_id, kind, reverses_payment_id, cast(as_of_date + 3 as date) as as_of_date,
        cast(value_date + 2 as date) as value_date, currency, amount_minor + 5 as amount_minor, h
    from payments where h % 11 = 0 and as_of_date + 3 < cast($first as date) + $days
)
select payment_id, loan_id, kind, reverses_payment_id, cast(value_date as timestamp) + interval 3 hour as paid_at,
    value_date, cast(as_of_date as timestamp) + interval 12 hour as posted_at, amount_minor, currency,
    'alipay' as channel, cast(null as varchar) as payer_name, cast(null as varchar) as payer_account,
    cast(null as varchar) as reference, amount_minor as principal_minor, cast(0 as bigint) as interest_minor,
    cast(0 as bigint) as fees_minor, cast(0 as bigint) as penalty_minor, as_of_date as delivered
from (select * from payments union all select * from reversals union all select * from conflicts)
"""

_CALLS = """
create or replace temp table book_calls as
select 'K' || loan_id || strftime(as_of_date, '%m%d') as call_id, loan_id, 'N1' as contact_id,
    case when h % 3 = 0 then null else 'E' || cast(h % 6 as varchar) end as collector_id,
    case when h % 2 = 0 then 'AG01' end as agency_code, case when h % 3 = 0 then 'robot' else 'human' end as channel,
    'outbound' as direction, cast(null as varchar) as dialled,
    cast(as_of_date as timestamp) - interval 8 hour + to_seconds(cast(32400 + h % 36000 as bigint)) as started_at,
    case when h % 4 > 1 then cast(as_of_date as timestamp) + to_seconds(cast(4000 + h % 36000 as bigint)) end
        as answered_at,
    cast(null as timestamp) as ended_at, case when h % 4 > 1 then h % 300 else 0 end as talk_seconds,
    ['no_answer', 'busy', 'third_party', ['promise', 'refused', 'will_consider'][1 + h % 3]][1 + h % 4] as outcome,
    cast(null as varchar) as hangup_cause, cast(null as varchar) as recording, as_of_date as delivered
from (select *, draw('call' || loan_id || cast(as_of_date as varchar)) // 7 as h
    from book_loans where days_past_due > 0)
where h % 4 <> 9 and h % 5 <> 0
"""

_PROMISES = """
create or replace temp table book_promises as
select 'Q' || call_id as promise_id, loan_id, collector_id, agency_code, started_at as promised_at,
    cast(delivered + 2 as date) as due_date, cast(1000 + draw(call_id) % 60000 as bigint) as amount_minor,
    (select any_value(currency) from book_loans as l where l.loan_id = c.loan_id) as currency, 'open' as status,
    delivered
from book_calls as c where outcome = 'promise'
"""

_PLACEMENTS = """
create or replace temp table book_placements as
with first as (
    select loan_id, min(as_of_date) as placed_date, any_value(currency) as currency, draw(loan_id || 'p') as h
    from book_loans where days_past_due > 15 group by loan_id
),
placed as (select * from first where h % 3 = 0)
select 'A' || loan_id as placement_id, loan_id, case when h % 2 = 0 then 'AG01' else 'AG02' end as agency_code,
    'B1' as batch, placed_date, cast(null as date) as due_back_date, cast(null as date) as recalled_date,
    cast(100000 as bigint) as balance_minor, currency, '0.30' as commission_rate, placed_date as delivered
from placed
union all
select 'A' || loan_id, loan_id, case when h % 2 = 0 then 'AG01' else 'AG02' end, 'B1', placed_date, null,
    cast(placed_date + 9 as date), 100000, currency, '0.30', cast(placed_date + 9 as date)
from placed where h % 4 = 0 and placed_date + 9 < cast($first as date) + $days
"""

_ASSIGNMENTS = """
create or replace temp table book_assignments as
select 'S' || loan_id as assignment_id, loan_id, 'E' || cast(draw(loan_id) % 6 as varchar) as collector_id,
    cast(null as varchar) as agency_code, cast(min(as_of_date) as timestamp) as assigned_at,
    cast(null as timestamp) as ended_at, cast(null as varchar) as reason, min(as_of_date) as delivered
from book_loans where days_past_due > 0 group by loan_id
"""

_STATIC = """
create or replace temp table book_customers as
select distinct customer_id, '王' || customer_id as name, '1101011990' || customer_id as national_id,
    date '1980-01-01' + cast(draw(customer_id) % 7000 as integer) as birth_date, 'unknown' as gender,
    '110000' as region_code, 'somewhere' as address, cast(null as varchar) as employer, 'zh' as language,
    'Asia/Shanghai' as timezone, cast(null as varchar) as flags, cast($first as date) as delivered
from book_loans
union all
select distinct customer_id, '王' || customer_id, '1101011990' || customer_id,
    date '1980-01-01' + cast(draw(customer_id) % 7000 as integer), 'unknown', '310000', 'elsewhere', null, 'zh',
    'Asia/Shanghai', null, cast(cast($first as date) + 20 as date)
from book_loans where draw(customer_id) % 10 = 0;
create or replace temp table book_agencies as
select 'AG0' || cast(i as varchar) as agency_code, 'Agency ' || cast(i as varchar) as name,
    cast(null as varchar) as region_codes, cast(null as varchar) as skills, cast(500 as bigint) as capacity,
    date '2025-01-01' as contract_from_date, cast(null as date) as contract_to_date,
    cast(null as varchar) as certificate, cast($first as date) as delivered
from range(1, 3) as t(i);
create or replace temp table book_collectors as
select 'E' || cast(i as varchar) as collector_id, '李' || cast(i as varchar) as name,
    case when i > 3 then 'AG01' end as agency_code, 'T1' as team, cast(null as varchar) as region_codes,
    cast(null as varchar) as skills, cast(120 as bigint) as capacity, date '2025-01-01' as contract_from_date,
    cast(null as date) as contract_to_date, cast(null as varchar) as certificate, cast($first as date) as delivered
from range(6) as t(i)
"""

FEEDS = {
    "loans": "as_of_date",
    "repayments": "value_date",
    "calls": "cast(started_at as date)",
    "promises": "delivered",
    "placements": "delivered",
    "assignments": "delivered",
    "customers": "delivered",
    "agencies": "delivered",
    "collectors": "delivered",
}
"""Feed to the partition that a row of it touches."""


def days() -> list[date]:
    """The days on which files are delivered, in order."""
    return [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]


def write_book(connection: Connection, loans: int = LOANS) -> None:
    """Make the rows of the whole book as temporary tables of ``connection``; nothing is delivered yet."""
    chosen = {"$first": f"'{FIRST_DAY}'", "$days": str(DAYS), "$loans": str(loans)}
    for script in (_LOANS, _REPAYMENTS, _CALLS, _PROMISES, _PLACEMENTS, _ASSIGNMENTS, _STATIC):
        for name, value in chosen.items():
            script = script.replace(name, value)
        connection.execute(script)
    connection.execute("alter table book_loans add column delivered date")
    connection.execute("update book_loans set delivered = as_of_date")


def deliver(connection: Connection, when: Iterable[date]) -> None:
    """Accept the files of the days, in the order given, as the ingest does: rows, file records, touched partitions."""
    for day in when:
        for feed, partition in FEEDS.items():
            _deliver_file(connection, feed, partition, day)


def _deliver_file(connection: Connection, feed: str, partition: str, day: date) -> None:
    columns = [row[0] for row in connection.execute(f"describe book_{feed}").fetchall() if row[0] != "delivered"]
    listed = ", ".join(columns)
    file_id = f"md5('{feed}{day}') || md5('{day}{feed}')"
    connection.execute(
        f"insert into raw.{feed} by name select {listed}, 'SIM' as source_code, {file_id} as file_id,"
        f" row_number() over (order by {listed}) as line_no, hash(({listed})) as row_hash,"
        f" cast('{day}' as date) as file_date, '' as imputed_columns from book_{feed} where delivered = '{day}'"
    )
    connection.execute(
        f"insert into raw.touched select distinct '{feed}', {partition} from book_{feed} where delivered = '{day}'"
    )
    connection.execute(
        "insert into raw.files by name select"
        f" {file_id} as file_id, '{feed}_{day}.csv' as file_name, 'SIM' as source_code, 'standard' as template,"
        f" '{feed}' as feed, 'csv' as format, cast('{day}' as date) as file_date, count(*) as rows_in,"
        " count(*) as rows_accepted, 0 as rows_quarantined, 0 as rows_repeated, 'accepted' as state, 1 as delivered"
        f" from book_{feed} where delivered = '{day}' having count(*) > 0"
    )
