{% set changed = replace_partitions('as_of_date', feeds=['loans']) %}

with

versions as (
    {{ ranked_versions(
        ref('stg_feeds__loans'), ['source_code', 'loan_id', 'as_of_date'],
        [
            'customer_id', 'product_code', 'region_code', 'currency', 'originated_date', 'original_principal_minor',
            'principal_minor', 'interest_minor', 'fees_minor', 'penalty_minor', 'balance_minor', 'dpd', 'status',
            'is_in_collection', 'is_paid'
        ] + (['lender_code'] if var('lender_buckets', {}) else []),
        repeated=ref('int_loan_repeated_days'), repeated_by=['source_code', 'as_of_date'], direction='desc', where=changed
    ) }}
),

int_loan_days as (
    select
        source_code,
        loan_id,
        customer_id,
        product_code,
        region_code,
        currency,
        originated_date,
        original_principal_minor,
        principal_minor,
        interest_minor,
        fees_minor,
        penalty_minor,
        balance_minor,
        dpd,
        cast({{ bucket('dpd', 'lender_code') }} as varchar) as bucket,
        status,
        is_in_collection,
        is_paid,
        as_of_date
    from versions
    where version_rank = 1 and {{ changed }}
)

select * from int_loan_days
