with

copied as (
    select * from {{ from_source('ops', 'proof_sheets') }}
),

stg_ops__proof_sheets as (
    select
        cast(business_date as date) as business_date,
        cast(book as varchar) as book,
        cast(currency as varchar) as currency,
        cast(revision as integer) as revision,
        cast(leg as varchar) as leg,
        cast(part as varchar) as part,
        cast(code as varchar) as code,
        cast(items as bigint) as items,
        cast(amount_minor as bigint) as amount_minor
    from copied
)

select * from stg_ops__proof_sheets
