{% set changed = replace_partitions('first_seen_date', feeds=['loans']) %}

with

days as (
    select * from {{ ref('int_loan_days') }}
    where {{ changed | replace('first_seen_date', 'as_of_date') }}
),

{% if is_incremental() %}
known as (
    select source_code, loan_id from {{ this }} where not ({{ changed }})
),
{% endif %}

-- a cohort is a fixed pool: what the first snapshot of a loan says of it stays
first_days as (
    select days.source_code, days.loan_id, min(days.as_of_date) as first_seen_date
    from days
    {% if is_incremental() %}
    where not exists (
        select 1 from known where known.source_code = days.source_code and known.loan_id = days.loan_id
    )
    {% endif %}
    group by days.source_code, days.loan_id
),

int_loans as (
    select
        cast(days.source_code as varchar) as source_code,
        cast(days.loan_id as varchar) as loan_id,
        cast(days.product_code as varchar) as product_code,
        cast(days.region_code as varchar) as region_code,
        cast(days.currency as varchar) as currency,
        cast(days.originated_date as date) as originated_date,
        cast(days.original_principal_minor as bigint) as original_principal_minor,
        cast(days.as_of_date as date) as first_seen_date
    from first_days
    inner join days
        on days.source_code = first_days.source_code and days.loan_id = first_days.loan_id
        and days.as_of_date = first_days.first_seen_date
)

select * from int_loans
