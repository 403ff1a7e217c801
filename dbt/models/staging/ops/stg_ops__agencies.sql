with

agencies as (
    select * from {{ from_source('ops', 'agencies') }}
),

stg_ops__agencies as (
    select
        cast(agency_code as varchar) as agency_code,
        cast(name as varchar) as name,
        cast(state as varchar) as state,
        cast(capacity_cases as bigint) as capacity,
        {{ business_date('created_at') }} as created_date
    from agencies
)

select * from stg_ops__agencies
