with

matches as (
    select * from {{ from_source('recon', 'matches') }}
),

stg_recon__matches as (
    select
        cast(match_id as varchar) as match_id,
        cast(pass_name as varchar) as pass_name,
        cast(source_code as varchar) as source_code,
        cast({{ listed('payment_ids') }} as varchar) as payment_ids,
        cast({{ listed('bank_line_ids') }} as varchar) as bank_line_ids,
        cast(lender_minor as bigint) as lender_minor,
        cast(bank_minor as bigint) as bank_minor,
        cast(currency as varchar) as currency,
        cast(value_date as date) as value_date,
        cast(difference_minor as bigint) as difference_minor,
        cast(matched_date as date) as matched_date
    from matches
)

select * from stg_recon__matches
