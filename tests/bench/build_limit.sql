-- The marts of build.py by hand: the SQL a good analyst would write for this book and nothing else.
-- No dispatch, no staging, no partitions, no tests, each table in one statement on the raw tables or on those before
-- it; what the book does not have (placements, promises, two contents of one key) is left out.

-- table: loan_days
select source_code, loan_id, as_of_date, customer_id, product_code, region_code, currency, originated_date,
  original_principal_minor, outstanding_principal_minor, outstanding_interest_minor, outstanding_fees_minor,
  outstanding_penalty_minor, outstanding_principal_minor + outstanding_interest_minor + outstanding_fees_minor
    + outstanding_penalty_minor as balance_minor, days_past_due::integer as dpd,
  case when days_past_due <= 0 then 'C' when days_past_due <= 30 then 'M1' when days_past_due <= 60 then 'M2'
    when days_past_due <= 90 then 'M3' when days_past_due <= 120 then 'M4' when days_past_due <= 150 then 'M5'
    when days_past_due <= 180 then 'M6' else 'M7' end as bucket, status, days_past_due > 0 as in_collection
from raw.loans

-- table: loans
select source_code, loan_id, arg_min(product_code, as_of_date) as product_code, arg_min(currency, as_of_date) as currency,
  arg_min(originated_date, as_of_date) as originated_date,
  arg_min(original_principal_minor, as_of_date) as original_principal_minor, min(as_of_date) as first_seen_date
from hand.loan_days group by 1, 2

-- table: dim_cases
with late as (select distinct source_code, loan_id from hand.loan_days where in_collection),
marked as (
  select d.*, coalesce(lag(in_collection) over w, false) as was_in from hand.loan_days d
  semi join late using (source_code, loan_id) window w as (partition by source_code, loan_id order by as_of_date)),
spelled as (
  select *, sum((in_collection and not was_in)::integer) over (partition by source_code, loan_id order by as_of_date
    rows unbounded preceding) as spell_no from marked where in_collection or was_in)
select md5(source_code || chr(31) || loan_id || chr(31) || spell_no::varchar) as case_id, source_code, loan_id, spell_no,
  arg_min(product_code, as_of_date) as product_code, arg_min(region_code, as_of_date) as region_code,
  arg_min(currency, as_of_date) as currency, min(as_of_date) as opened_date,
  min(as_of_date) filter (where not in_collection) as closed_date, arg_min(bucket, as_of_date) as opened_bucket,
  (arg_min(balance_minor, as_of_date)::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as opened_balance,
  min(as_of_date) filter (where dpd >= 30) as reached_30_date,
  (arg_min(balance_minor, as_of_date) filter (where dpd >= 30)::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2)
    as reached_30_balance,
  min(as_of_date) filter (where dpd >= 90) as reached_90_date,
  (arg_min(balance_minor, as_of_date) filter (where dpd >= 90)::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2)
    as reached_90_balance
from spelled group by source_code, loan_id, spell_no

-- table: days
select distinct as_of_date, lag(as_of_date) over (order by as_of_date) as previous_date,
  lead(as_of_date) over (order by as_of_date) as next_date from (select distinct as_of_date from hand.loan_days)

-- table: fct_case_days
select d.as_of_date as business_date, c.case_id, d.source_code, d.loan_id, d.product_code, d.region_code, d.currency, d.dpd,
  d.bucket, p.bucket as prev_month_bucket,
  (d.outstanding_principal_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as principal,
  (d.outstanding_interest_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as interest,
  (d.outstanding_fees_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as fees,
  (d.outstanding_penalty_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as penalty,
  (d.balance_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as balance, 'in_house' as custody,
  null::varchar as owner_id, null::varchar as agency_code
from hand.loan_days d
join hand.dim_cases c on c.source_code = d.source_code and c.loan_id = d.loan_id and d.as_of_date >= c.opened_date
  and d.as_of_date < coalesce(c.closed_date, date '9999-12-31')
join hand.days using (as_of_date)
left join hand.loan_days p on p.source_code = d.source_code and p.loan_id = d.loan_id and p.as_of_date = days.previous_date
where d.in_collection

-- table: fct_repayments
select r.source_code, r.payment_id, r.loan_id, c.case_id, r.kind, r.reverses_payment_id, r.paid_at, r.value_date,
  r.currency, (r.amount_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as amount,
  (r.amount_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as signed_amount,
  (r.principal_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as principal,
  (r.interest_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as interest,
  (r.fees_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as fees,
  (r.penalty_minor::decimal(18, 0) * 0.01::decimal(3, 2))::decimal(18, 2) as penalty, r.channel, false as is_reversed,
  case when c.case_id is not null then coalesce(d.bucket, c.opened_bucket) end as bucket_at_value_date, r.file_id, r.line_no
from raw.repayments r
left join hand.dim_cases c on c.source_code = r.source_code and c.loan_id = r.loan_id and r.value_date >= c.opened_date
  and r.value_date <= coalesce(c.closed_date, date '9999-12-31')
left join hand.days s on s.as_of_date < r.value_date and r.value_date <= coalesce(s.next_date, date '9999-12-31')
left join hand.fct_case_days d on d.case_id = c.case_id and d.business_date = s.as_of_date

-- table: fct_contact_attempts
select md5(r.source_code || chr(31) || r.call_id) as attempt_id, r.source_code, r.call_id, c.case_id, r.loan_id,
  r.collector_id, r.agency_code, r.channel, r.direction, r.started_at, r.business_date,
  extract(hour from r.started_at + interval 8 hour)::integer as hour_local,
  r.outcome in ('third_party', 'promise') as answered, r.outcome in ('third_party', 'promise') as connected,
  r.outcome = 'promise' as right_party, r.outcome = 'promise' as promised, coalesce(r.talk_seconds, 0) as talk_seconds,
  r.outcome, 'unchecked' as verdict, case when c.case_id is not null then coalesce(d.bucket, c.opened_bucket) end as bucket
from (select *, (started_at + interval 8 hour)::date as business_date from raw.calls) r
left join hand.dim_cases c on c.source_code = r.source_code and c.loan_id = r.loan_id and r.business_date >= c.opened_date
  and r.business_date <= coalesce(c.closed_date, date '9999-12-31')
left join hand.days s on s.as_of_date < r.business_date and r.business_date <= coalesce(s.next_date, date '9999-12-31')
left join hand.fct_case_days d on d.case_id = c.case_id and d.business_date = s.as_of_date

-- table: rpt_portfolio_daily
select business_date, source_code, product_code, region_code, bucket, currency, sum(cases) as cases, sum(balance) as balance,
  sum(net_cash) as net_cash, sum(opened) as cases_opened, sum(closed) as cases_closed
from (
  select business_date, source_code, product_code, region_code, bucket, currency, 1 as cases, balance, 0 as net_cash,
    0 as opened, 0 as closed from hand.fct_case_days
  union all select opened_date, source_code, product_code, region_code, opened_bucket, currency, 0, 0, 0, 1, 0
  from hand.dim_cases
  union all select c.closed_date, c.source_code, c.product_code, c.region_code, coalesce(d.bucket, c.opened_bucket),
    c.currency, 0, 0, 0, 0, 1
  from hand.dim_cases c join hand.days s on s.as_of_date = c.closed_date
  left join hand.fct_case_days d on d.case_id = c.case_id and d.business_date = s.previous_date
  union all select s.as_of_date, r.source_code, c.product_code, c.region_code, r.bucket_at_value_date, r.currency, 0, 0,
    r.signed_amount, 0, 0
  from hand.fct_repayments r join hand.dim_cases c using (case_id)
  join hand.days s on r.value_date <= s.as_of_date and r.value_date > coalesce(s.previous_date, date '0001-01-01'))
group by all

-- table: rpt_roll_rates
select month_end_date, source_code, product_code, currency, from_bucket, to_bucket, cases, balance,
  sum(cases) over w as from_cases, sum(balance) over w as from_balance
from (
  select last_day(s.as_of_date) as month_end_date, p.source_code, p.product_code, p.currency, p.bucket as from_bucket,
    coalesce(c.bucket, 'absent') as to_bucket, count(*) as cases, sum(p.balance_minor) as balance
  from hand.loan_days p join hand.days s on p.as_of_date = s.previous_date
  left join hand.loan_days c on c.source_code = p.source_code and c.loan_id = p.loan_id and c.as_of_date = s.as_of_date
  group by all)
window w as (partition by month_end_date, source_code, product_code, currency, from_bucket)

-- table: rpt_vintages
with cohorts as (
  select date_trunc('month', originated_date)::date as cohort_month, source_code, product_code, currency, count(*) as loans,
    sum(original_principal_minor) as originated from hand.loans group by all),
firsts as (
  select source_code, loan_id, min(reached_30_date) as day_30, arg_min(reached_30_balance, reached_30_date) as balance_30,
    min(reached_90_date) as day_90, arg_min(reached_90_balance, reached_90_date) as balance_90
  from hand.dim_cases group by all),
hits as (
  select date_trunc('month', l.originated_date)::date as cohort_month, l.source_code, l.product_code, l.currency,
    date_trunc('month', day_30)::date as month, 1 as n30, balance_30, 0 as n90, 0 as balance_90
  from firsts join hand.loans l using (source_code, loan_id) where day_30 is not null
  union all
  select date_trunc('month', l.originated_date)::date, l.source_code, l.product_code, l.currency,
    date_trunc('month', day_90)::date, 0, 0, 1, balance_90
  from firsts join hand.loans l using (source_code, loan_id) where day_90 is not null),
months as (select distinct date_trunc('month', d)::date as month from generate_series(
  (select min(cohort_month) from cohorts)::timestamp, (select max(as_of_date) from hand.days)::timestamp, interval 1 month) t(d)),
monthly as (
  select cohort_month, source_code, product_code, currency, month, sum(n30) as n30, sum(balance_30) as b30,
    sum(n90) as n90, sum(balance_90) as b90 from hits group by all)
select c.*, m.month, sum(coalesce(n30, 0)) over w as ever_30_loans, sum(coalesce(b30, 0)) over w as ever_30_balance,
  sum(coalesce(n90, 0)) over w as ever_90_loans, sum(coalesce(b90, 0)) over w as ever_90_balance
from cohorts c join months m on m.month >= c.cohort_month
left join monthly h on h.cohort_month = c.cohort_month and h.source_code = c.source_code
  and h.product_code = c.product_code and h.currency = c.currency and h.month = m.month
window w as (partition by c.cohort_month, c.source_code, c.product_code, c.currency order by m.month
  rows unbounded preceding)

-- table: rpt_contact_funnel
select business_date, source_code, channel, bucket, currency, sum(held) as held, sum(attempts) as attempts,
  sum(connected) as connected, sum(promises) as promises, sum(net_cash) as net_cash, sum(attempted) as attempted
from (
  select business_date, source_code, 'none' as channel, bucket, currency, count(*) as held, 0 as attempts, 0 as connected,
    0 as promises, 0 as net_cash, 0 as attempted from hand.fct_case_days group by all
  union all
  select a.business_date, a.source_code, a.channel, a.bucket, c.currency, 0, count(*), count(*) filter (where connected),
    count(*) filter (where promised), 0, count(distinct a.case_id)
  from hand.fct_contact_attempts a left join hand.dim_cases c using (case_id) group by all
  union all
  select s.as_of_date, r.source_code, 'none', r.bucket_at_value_date, r.currency, 0, 0, 0, 0, sum(r.signed_amount), 0
  from hand.fct_repayments r
  join hand.days s on r.value_date <= s.as_of_date and r.value_date > coalesce(s.previous_date, date '0001-01-01')
  where r.case_id is not null group by all)
group by all
