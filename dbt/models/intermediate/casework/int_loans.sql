{% set changed = replace_partitions('first_seen_date', feeds=['loans']) %}
{% set changed_day = changed | replace('first_seen_date', 'as_of_date') %}

with

{% if is_incremental() %}
known as (
    select source_code, loan_id from {{ this }} where not ({{ changed }})
),
{% endif %}

-- a cohort is a fixed pool: what the first snapshot of a loan says of it stays
first_days as (
    select
        days.source_code,
        days.loan_id,
        {{ earliest_value('days.product_code', 'days.as_of_date') }} as product_code,
        {{ earliest_value('days.region_code', 'days.as_of_date') }} as region_code,
        {{ earliest_value('days.currency', 'days.as_of_date') }} as currency,
        {{ earliest_value('days.originated_date', 'days.as_of_date') }} as originated_date,
        {{ earliest_value('days.original_principal_minor', 'days.as_of_date') }} as original_principal_minor,
        min(days.as_of_date) as first_seen_date
    from {{ ref('int_loan_days') }} as days
    {% if is_incremental() %}
    left join known on known.source_code = days.source_code and known.loan_id = days.loan_id
    {% endif %}
    where {{ changed_day | replace('as_of_date', 'days.as_of_date') }}
    {% if is_incremental() %}
        and known.loan_id is null
    {% endif %}
    group by days.source_code, days.loan_id
),

int_loans as (
    select
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(product_code as varchar) as product_code,
        cast(region_code as varchar) as region_code,
        cast(currency as varchar) as currency,
        cast(originated_date as date) as originated_date,
        cast(original_principal_minor as bigint) as original_principal_minor,
        cast(first_seen_date as date) as first_seen_date
    from first_days
)

select * from int_loans
