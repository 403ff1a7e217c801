with

copied as (
    select * from {{ from_source('ops', 'commission_contracts') }}
),

stg_ops__commission_contracts as (
    select
        cast(contract_id as varchar) as contract_id,
        cast(agency_code as varchar) as agency_code,
        cast(currency as varchar) as currency,
        cast(version_no as integer) as version_no,
        cast(valid_from as date) as valid_from,
        cast(terms_hash as varchar) as terms_hash,
        cast(entered_at as timestamp) as entered_at
    from copied
)

select * from stg_ops__commission_contracts
