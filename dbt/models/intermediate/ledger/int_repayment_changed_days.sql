{% set loans_changed_from = changed_from(['loans', 'placements']) %}

with

calendar as (
    select date_day as day from {{ ref('dim_dates') }}
),

reversals as (
    select * from {{ ref('int_reversals') }}
),

{% if is_built_in_full('marts', 'fct_repayments') %}
days as (
    select day from calendar
),
{% else %}
touched as (
    select partition_date as day from {{ from_source('raw', 'touched') }} where feed = 'repayments'
),

in_touched as (
    select source_code, payment_id, reverses_payment_id
    from {{ ref('stg_feeds__repayments') }}
    where value_date in (select day from touched)
),

-- every payment with a version in a touched partition, the payments these reverse, and the ones that reverse them
affected as (
    select source_code, payment_id from in_touched
    union
    select source_code, reverses_payment_id from in_touched where reverses_payment_id is not null
    union
    select reversals.source_code, reversals.payment_id
    from reversals
    inner join in_touched
        on in_touched.source_code = reversals.source_code and in_touched.payment_id = reversals.reverses_payment_id
),

days as (
    select day from touched
    union
    select repayments.value_date
    from {{ ref('stg_feeds__repayments') }} as repayments
    inner join affected
        on affected.source_code = repayments.source_code and affected.payment_id = repayments.payment_id
    union
    -- case, bucket and agency of a payment come from the loans: their changes carry over to payments from then on
    select day from calendar where day >= {{ loans_changed_from }}
    union
    -- a reversal follows the case of what it reverses
    select value_date from reversals where original_value_date >= {{ loans_changed_from }}
),
{% endif %}

int_repayment_changed_days as (
    select distinct cast(day as date) as day from days
)

select * from int_repayment_changed_days
