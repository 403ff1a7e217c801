-- A made-up published snapshot for the tests of the dashboards: facts drawn from a seed, reports summed from the facts.
-- The words in braces are filled in by snapshot.py. Nothing here is real, and nothing of it is shipped.

create macro draw(a, salt) as (hash(a, salt, {seed}) % 1000003) / 1000003.0;
create macro pick(a, salt, choices) as choices[1 + cast(floor(draw(a, salt) * len(choices)) as integer)];
create macro bucket_of(dpd) as case when dpd <= 0 then 'C' when dpd >= 181 then 'M7' else 'M' || ((dpd - 1) // 30 + 1) end;

-- dimensions
create table dim_dates as
select cast(d as date) as date_day, dayofweek(d) between 1 and 5 as is_workday, strftime(d, '%Y-%m') as year_month,
    last_day(d) as month_end_date
from range(date '{start}', date '{end}' + 1, interval 1 day) as r (d);
create table dim_products as select * from (values
    ('CARD', '信用卡', 'Credit card'), ('CASH', '现金贷', 'Cash loan'), ('AUTO', '车贷', 'Car loan'),
    ('SHOP', '消费分期', 'Instalment purchase')) as v (product_code, name_zh, name_en);
create table dim_regions as select * from (values
    ('110000', '北京市', 'Beijing'), ('310000', '上海市', 'Shanghai'), ('440000', '广东省', 'Guangdong'),
    ('510000', '四川省', 'Sichuan'), ('330000', '浙江省', 'Zhejiang')) as v (region_code, name_zh, name_en);
create table dim_buckets as select code as bucket, from_day, to_day, sort_order, label_zh as name_zh,
    label_en as name_en from read_csv('{seeds}/buckets.csv');
create table dim_labels as select enum, code, label_zh as name_zh, label_en as name_en
    from read_csv('{seeds}/labels.csv', all_varchar = true);
create table dim_agencies as select 'AG' || i as agency_code, 'Agency ' || i as name, date '2020-01-01' as valid_from,
    cast(null as date) as valid_to, true as is_current from range(1, 4) as r (i);
create table snapshot_build as select 'build-0001' as build_id, 'asset_company' as audience, date '{end}' as business_date;

-- cases
create table dim_cases as
with drawn as (
    select i, greatest(date '{start}', date '{start}' + cast(floor((draw(i, 'open') * 1.4 - 0.4) * {days}) as integer))
        as opened_date, 20 + cast(floor(draw(i, 'stay') * 160) as integer) as stay
    from range({cases}) as r (i)
)
select 'case-' || lpad(cast(i as varchar), 7, '0') as case_id, pick(i, 'source', ['HYB', 'XJC']) as source_code,
    'L' || i as loan_id, 'K' || i as customer_key, 1 as spell_no,
    pick(i, 'product', ['CARD', 'CASH', 'AUTO', 'SHOP']) as product_code,
    pick(i, 'region', ['110000', '310000', '440000', '510000', '330000']) as region_code,
    case when draw(i, 'currency') < 0.9 then '{currency}' else '{other}' end as currency,
    opened_date,
    case when opened_date + stay <= date '{end}' then opened_date + stay end as closed_date,
    case when opened_date + stay <= date '{end}' then pick(i, 'why', ['paid', 'cured', 'cured', 'sold']) end as close_reason,
    cast(500 + draw(i, 'balance') * draw(i, 'size') * 90000 as decimal(18, 2)) as opened_balance,
    cast(floor(draw(i, 'dpd') * draw(i, 'late') * 150) as integer) as opened_dpd,
    bucket_of(cast(floor(draw(i, 'dpd') * draw(i, 'late') * 150) as integer) + 1) as opened_bucket,
    case when opened_date + stay > date '{end}' and draw(i, 'loss') < 0.05
        then opened_date + cast(floor((date '{end}' - opened_date) * 0.7) as integer) end as written_off_date
from drawn;

create table fct_case_days as
with days as (
    select cast(d.date_day as date) as business_date, c.*, c.opened_dpd + 1 + (d.date_day - c.opened_date) as dpd
    from dim_cases as c
    inner join dim_dates as d on d.date_day >= c.opened_date and d.date_day < coalesce(c.closed_date, date '9999-12-31')
)
select business_date, case_id, source_code, loan_id, product_code, region_code, currency, cast(dpd as integer) as dpd,
    bucket_of(dpd) as bucket, cast(null as varchar) as prev_month_bucket,
    cast(opened_balance * 0.8 as decimal(18, 2)) as principal, cast(opened_balance * 0.1 as decimal(18, 2)) as interest,
    cast(opened_balance * 0.06 as decimal(18, 2)) as fees, cast(opened_balance * 0.04 as decimal(18, 2)) as penalty,
    cast(opened_balance * (1 + dpd * 0.0004) as decimal(18, 2)) as balance,
    case when draw(loan_id, 'custody') < 0.4 then 'agency' else 'in_house' end as custody,
    'C' || cast(floor(draw(loan_id, 'owner') * 12) as integer) as owner_id,
    case when draw(loan_id, 'custody') < 0.4 then pick(loan_id, 'agency', ['AG1', 'AG2', 'AG3']) end as agency_code
from days;

-- cash
create table fct_repayments as
with drawn as (
    select c.*, p, c.opened_date + 1 + cast(floor(draw(c.loan_id || p, 'when')
        * (coalesce(c.closed_date, date '{end}') - c.opened_date)) as integer) as paid_date
    from dim_cases as c cross join range(4) as r (p)
    where draw(c.loan_id || p, 'pays') < 0.6
),
paid as (select * from drawn where paid_date <= date '{end}')
select source_code, 'P-' || loan_id || '-' || p as payment_id, loan_id,
    case when draw(loan_id || p, 'orphan') < 0.97 then case_id end as case_id,
    case when draw(loan_id || p, 'kind') < 0.93 then 'payment' when draw(loan_id || p, 'kind') < 0.97 then 'reversal'
        else 'refund' end as kind,
    cast(null as varchar) as reverses_payment_id, cast(paid_date as timestamp) as paid_at, paid_date as value_date,
    paid_date as posted_date, currency,
    cast(20 + draw(loan_id || p, 'amount') * opened_balance / 8 as decimal(18, 2)) as amount,
    cast(0 as decimal(18, 2)) as signed_amount, cast(0 as decimal(18, 2)) as principal,
    cast(0 as decimal(18, 2)) as interest, cast(0 as decimal(18, 2)) as fees, cast(0 as decimal(18, 2)) as penalty,
    pick(loan_id || p, 'channel', ['bank_transfer', 'auto_debit', 'alipay']) as channel, false as is_reversed,
    bucket_of(opened_dpd + (paid_date - opened_date)) as bucket_at_value_date, cast(null as varchar) as agency_code,
    'f' as file_id, cast(p as bigint) as line_no
from paid;
update fct_repayments set signed_amount = case kind when 'payment' then amount else -amount end;

create table rpt_portfolio_daily as
with held as (
    select business_date, source_code, product_code, region_code, bucket, currency, count(*) as cases,
        sum(balance) as balance from fct_case_days group by all
),
cash as (
    select p.value_date as business_date, p.source_code, c.product_code, c.region_code, p.bucket_at_value_date as bucket,
        p.currency, sum(p.signed_amount) as net_cash
    from fct_repayments as p inner join dim_cases as c on c.case_id = p.case_id group by all
),
both_of as (
    select business_date, source_code, product_code, region_code, bucket, currency, cases, balance, 0 as net_cash from held
    union all by name
    select business_date, source_code, product_code, region_code, bucket, currency, 0 as cases, 0 as balance, net_cash from cash
)
select business_date, source_code, product_code, region_code, bucket, currency, cast(sum(cases) as bigint) as cases,
    cast(sum(balance) as decimal(18, 2)) as balance, cast(sum(net_cash) as decimal(18, 2)) as net_cash,
    cast(0 as bigint) as cases_opened, cast(0 as bigint) as cases_closed
from both_of group by all order by business_date;

-- movement
create table rpt_roll_rates as
with moved as (
    select last_day(e.business_date + 1) as month_end_date, e.source_code, e.product_code, e.currency,
        e.bucket as from_bucket,
        case
            when c.written_off_date <= last_day(e.business_date + 1) then 'written_off'
            when l.bucket is not null then l.bucket
            when c.close_reason = 'cured' then 'C'
            else coalesce(c.close_reason, 'absent')
        end as to_bucket,
        count(*) as cases, sum(e.balance) as balance_start
    from fct_case_days as e
    inner join dim_cases as c on c.case_id = e.case_id
    left join fct_case_days as l on l.case_id = e.case_id
        and l.business_date = least(last_day(e.business_date + 1), date '{end}')
    where e.business_date = last_day(e.business_date)
        and (c.written_off_date is null or c.written_off_date > e.business_date)
    group by all
),
totals as (
    select *, sum(cases) over pool as from_cases, sum(balance_start) over pool as from_balance
    from moved
    window pool as (partition by month_end_date, source_code, product_code, currency, from_bucket)
)
select *, cast(cases / from_cases as decimal(18, 8)) as roll_rate_count,
    cast(cast(balance_start as double) / cast(from_balance as double) as decimal(18, 8)) as roll_rate_balance,
    month_end_date <= date '{end}' as is_month_complete
from totals;

create table rpt_vintages as
select cast(date_trunc('month', date '{end}') - to_months(cast(k as integer)) as date) as cohort_month,
    s as source_code, p as product_code, '{currency}' as currency,
    cast(m as integer) as months_on_book, 100 as loans, cast(1000000 as decimal(18, 2)) as originated,
    cast(m * 2 as bigint) as ever_30_loans, cast(m * 20000 * (0.5 + draw(k, s || p)) as decimal(18, 2)) as ever_30_balance,
    cast(greatest(m - 2, 0) as bigint) as ever_90_loans,
    cast(greatest(m - 2, 0) * 9000 * (0.5 + draw(k, s || p)) as decimal(18, 2)) as ever_90_balance,
    cast(0 as decimal(18, 2)) as net_charged_off, 0.0 as cum_rate_30, 0.0 as cum_rate_90
from range(1, 13) as c (k), range(0, 12) as a (m), (values ('HYB'), ('XJC')) as s (s), (values ('CARD'), ('CASH')) as p (p)
where m < k and date '{end}' - date '{start}' > 60;

-- contact
create table fct_contact_attempts as
with called as (
    select d.business_date, d.case_id, d.source_code, d.loan_id, d.bucket, d.agency_code, d.owner_id,
        d.case_id || '-' || d.business_date as k
    from fct_case_days as d where draw(d.case_id || d.business_date, 'call') < 0.12
),
answered as (select *, draw(k, 'answer') < 0.42 as answered, pick(k, 'channel', ['human', 'human', 'robot']) as channel from called),
connected as (select *, answered and draw(k, 'connect') < 0.95 as connected from answered),
right_party as (select *, connected and draw(k, 'party') < 0.5 as right_party from connected)
select 'A-' || k as attempt_id, source_code, k as call_id, case_id, loan_id, owner_id as collector_id, agency_code,
    channel, 'outbound' as direction,
    cast(business_date as timestamp) + to_hours(cast(1 + draw(k, 'hour') * 11 as integer)) as started_at,
    business_date, cast(9 + floor(draw(k, 'hour') * 11) as integer) as hour_local, answered, connected, right_party,
    right_party and draw(k, 'promise') < 0.3 as promised, cast(draw(k, 'talk') * 200 as integer) as talk_seconds,
    case when not answered then 'no_answer' when right_party then 'right_party' else 'third_party' end as outcome,
    'unchecked' as verdict, bucket
from right_party;

create table fct_promises as
with dated as (
    select a.*, c.currency, a.business_date + 3 as due_date, a.business_date + 6 as judged_date,
        cast(100 + draw(a.attempt_id, 'promised') * 900 as decimal(18, 2)) as amount
    from fct_contact_attempts as a inner join dim_cases as c on c.case_id = a.case_id
    where a.promised
)
select 'PR-' || attempt_id as promise_id, source_code, loan_id, case_id, collector_id, agency_code, channel, bucket,
    started_at as promised_at, business_date, due_date, judged_date, currency, amount,
    cast(case when draw(attempt_id, 'kept') < 0.55 then amount else 0 end as decimal(18, 2)) as paid_amount,
    case
        when draw(attempt_id, 'kept') < 0.55 then 'kept'
        when draw(attempt_id, 'kept') < 0.6 then 'superseded'
        when judged_date < date '{end}' then 'broken'
        else 'open'
    end as state
from dated;

create table rpt_contact_funnel as
with measured as (
    select business_date, source_code, 'none' as channel, bucket, agency_code, count(*) as cases_held,
        0 as cases_attempted, 0 as attempts, 0 as connected, 0 as right_party, 0 as promises, 0 as promises_kept,
        0 as net_cash
    from fct_case_days group by all
    union all
    select business_date, source_code, channel, bucket, agency_code, 0, count(distinct case_id), count(*),
        count(*) filter (where connected), count(*) filter (where right_party), count(*) filter (where promised), 0, 0
    from fct_contact_attempts group by all
    union all
    select business_date, source_code, channel, bucket, agency_code, 0, 0, 0, 0, 0, 0, count(*), 0
    from fct_promises where state = 'kept' group by all
    union all
    select value_date, source_code, 'none', bucket_at_value_date, agency_code, 0, 0, 0, 0, 0, 0, 0, sum(signed_amount)
    from fct_repayments where case_id is not null group by all
)
select business_date, source_code, channel, bucket, agency_code, cast(sum(cases_held) as bigint) as cases_held,
    cast(sum(cases_attempted) as bigint) as cases_attempted, cast(sum(attempts) as bigint) as attempts,
    cast(sum(connected) as bigint) as connected, cast(sum(right_party) as bigint) as right_party,
    cast(sum(promises) as bigint) as promises, cast(sum(promises_kept) as bigint) as promises_kept,
    cast(sum(net_cash) as decimal(18, 2)) as net_cash
from measured group by all;

-- reconciliation
create table fct_reconciliation_items as
with items as (
    select *, draw(payment_id, 'break') as b from fct_repayments
),
kinds as (
    select *, case when b < 0.92 then 'matched' else pick(payment_id, 'kind', [
        'unmatched_lender', 'unmatched_bank', 'duplicate', 'amount_differs', 'unknown_loan']) end as break_kind
    from items
)
select 'I-' || payment_id as item_id, break_kind as kind, case break_kind when 'matched' then 'exact' end as pass_name,
    source_code, currency, value_date, value_date as business_date,
    case break_kind when 'unmatched_bank' then null else amount end as lender_amount,
    case break_kind when 'unmatched_lender' then null when 'amount_differs' then amount + 1 else amount end as bank_amount,
    amount as recorded_amount,
    cast(case break_kind when 'matched' then 0 when 'amount_differs' then -1 when 'unmatched_bank' then -amount
        when 'unmatched_lender' then amount else 0 end as decimal(18, 2)) as difference,
    case when break_kind = 'matched' then 'matched' when draw(payment_id, 'state') < 0.7 then 'open' else 'parked' end as state,
    cast(null as varchar) as decision, cast(null as varchar) as decided_by, cast(null as timestamp) as decided_at,
    cast(date '{end}' - value_date as integer) as age_days, payment_id as payment_ids, '' as bank_line_ids, loan_id
from kinds;
create table rpt_reconciliation as
select date '{end}' as business_date, source_code, currency, kind, state, count(*) as items,
    cast(sum(lender_amount) as decimal(18, 2)) as lender_amount, cast(sum(bank_amount) as decimal(18, 2)) as bank_amount,
    cast(sum(difference) as decimal(18, 2)) as difference, max(age_days) as oldest_age_days
from fct_reconciliation_items group by all;

-- health
create table rpt_data_health as
with rows_of as (
    select d.date_day as business_date, f as feed, s as source_code,
        cast(100 + draw(f || s || d.date_day, 'rows') * 900 as bigint) as rows_in,
        cast(draw(f || s || d.date_day, 'bad') * draw(f || s || d.date_day, 'worse') * 9 as bigint) as rows_quarantined,
        {missing} and f = 'bank_lines' and s = 'XJC' and d.date_day = date '{end}' as is_missing
    from dim_dates as d, (values ('loans'), ('repayments'), ('calls'), ('bank_lines')) as f (f),
        (values ('HYB'), ('XJC')) as s (s)
)
select business_date, feed, source_code, case when is_missing then 0 else 1 end as files,
    case when is_missing then 0 else rows_in end as rows_in,
    case when is_missing then 0 else rows_in - rows_quarantined end as rows_accepted,
    case when is_missing then 0 else rows_quarantined end as rows_quarantined,
    case when is_missing then null else rows_quarantined / rows_in end as refused_share,
    case when is_missing then business_date - 1 else business_date end as last_file_date,
    case when is_missing then 1 else 0 end as days_late, is_missing, cast(0 as bigint) as refused_files, cast(0 as bigint) as open_breaks,
    case when is_missing then 0 else rows_quarantined end as open_quarantine
from rows_of;
create table rpt_refused_rows as
select business_date, feed, source_code, 'amount' as column_name,
    case when draw(feed || business_date, 'rule') < 0.5 then 'not_negative' else 'known_currency' end as rule,
    case when rule = 'not_negative' then feed || ': the amount is below nought' else feed || ': no such currency' end
        as reason_en,
    case when rule = 'not_negative' then feed || '：金额为负' else feed || '：没有此币种' end as reason_zh,
    rows_quarantined as rows, rows_quarantined as open_rows
from rpt_data_health where rows_quarantined > 0;
create table fct_complaints as
select 'Z-' || i as complaint_id, source_code, 'K' || i as customer_id, loan_id,
    cast(opened_date + 1 as timestamp) as received_at, opened_date + 1 as received_date, 'phone' as channel,
    'frequency' as kind, opened_date + 15 as due_date, cast(null as timestamp) as closed_at,
    cast(null as varchar) as outcome
from (select *, row_number() over (order by case_id) as i from dim_cases where draw(case_id, 'complains') < 0.1)
where opened_date < date '{end}';
create table fct_console_actions as
select cast(i as bigint) as seq, cast(date '{end}' as timestamp) + to_minutes(cast(i as integer)) as occurred_at,
    date '{end}' as business_date, 'u1' as actor_id, 'Li Na' as actor_name, 'supervisor' as role_code,
    cast(null as varchar) as agency_code, 'break.matched' as action, 'break' as object_type, 'I-' || i as object_id,
    'same amount' as reason, md5(cast(i as varchar)) as row_hash
from range(5) as r (i);

drop macro draw;
drop macro pick;
drop macro bucket_of;
