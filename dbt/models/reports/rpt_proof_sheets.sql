with

figures as (
    select
        *,
        max(revision) over (partition by business_date, book, currency) as last_revision
    from {{ ref('stg_ops__proof_sheets') }}
),

rpt_proof_sheets as (
    select
        cast(business_date as date) as business_date,
        cast(book as varchar) as book,
        cast(currency as varchar) as currency,
        cast(leg as varchar) as sides,
        cast(part as varchar) as part,
        cast(code as varchar) as kind,
        cast(items as bigint) as items,
        {{ from_minor("case when part = 'lender' then amount_minor else 0 end", 'currency') }} as lender_amount,
        {{ from_minor("case when part = 'side' then amount_minor else 0 end", 'currency') }} as side_amount,
        {{ from_minor("case when part = 'explained' then amount_minor else 0 end", 'currency') }} as explained,
        {{ from_minor("case when part = 'unexplained' then amount_minor else 0 end", 'currency') }} as unexplained,
        {{ from_minor("case when part in ('explained', 'unexplained') then amount_minor else 0 end", 'currency') }} as difference
    from figures
    where revision = last_revision
)

select * from rpt_proof_sheets
