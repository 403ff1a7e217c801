with

dim_agencies as (
    select
        cast(agency_code as varchar) as agency_code,
        cast(name as varchar) as name,
        cast(capacity as bigint) as capacity,
        cast(coalesce(contract_from_date, file_date) as date) as contract_from_date,
        cast(contract_to_date as date) as contract_to_date,
        cast(file_date as date) as valid_from,
        cast(lead(file_date) over (partition by agency_code order by file_date asc nulls last) as date) as valid_to,
        cast(
            lead(file_date) over (partition by agency_code order by file_date asc nulls last) is null
            and coalesce(contract_to_date, date '9999-12-31') >= {{ build_day() }} as boolean
        ) as is_current
    from {{ ref('stg_feeds__agencies') }}
)

select * from dim_agencies
