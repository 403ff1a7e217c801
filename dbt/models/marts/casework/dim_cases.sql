{% set changed = replace_partitions('case_id', keys_in='int_changed_cases') %}

with

events as (
    select * from {{ ref('int_case_events') }} where {{ changed }}
),

opened as (
    select * from events where event = 'opened'
),

later as (
    select
        case_id,
        max(case when event = 'closed' then event_date end) as closed_date,
        max(case when event = 'closed' then reason end) as close_reason,
        max(case when event = 'reached_30' then event_date end) as reached_30_date,
        max(case when event = 'reached_30' then balance_minor end) as reached_30_minor,
        max(case when event = 'reached_90' then event_date end) as reached_90_date,
        max(case when event = 'reached_90' then balance_minor end) as reached_90_minor,
        max(case when event = 'written_off' then event_date end) as written_off_date,
        max(case when event = 'written_off' then balance_minor end) as written_off_minor
    from events
    where event <> 'opened'
    group by case_id
),

dim_cases as (
    select
        cast(opened.case_id as varchar) as case_id,
        cast(opened.source_code as varchar) as source_code,
        cast(opened.loan_id as varchar) as loan_id,
        cast({{ key_of(['opened.source_code', 'opened.customer_id']) }} as varchar) as customer_key,
        cast(opened.spell_no as integer) as spell_no,
        cast(opened.product_code as varchar) as product_code,
        cast(opened.region_code as varchar) as region_code,
        cast(opened.currency as varchar) as currency,
        cast(opened.event_date as date) as opened_date,
        cast(later.closed_date as date) as closed_date,
        cast(later.close_reason as varchar) as close_reason,
        cast(opened.bucket as varchar) as opened_bucket,
        {{ from_minor('opened.balance_minor', 'opened.currency') }} as opened_balance,
        cast(later.reached_30_date as date) as reached_30_date,
        {{ from_minor('later.reached_30_minor', 'opened.currency') }} as reached_30_balance,
        cast(later.reached_90_date as date) as reached_90_date,
        {{ from_minor('later.reached_90_minor', 'opened.currency') }} as reached_90_balance,
        cast(later.written_off_date as date) as written_off_date,
        {{ from_minor('later.written_off_minor', 'opened.currency') }} as written_off_balance
    from opened
    left join later on later.case_id = opened.case_id
)

select * from dim_cases
