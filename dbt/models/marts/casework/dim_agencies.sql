with

told as (
    select
        agency_code,
        name,
        capacity,
        coalesce(contract_from_date, file_date) as contract_from_date,
        contract_to_date,
        file_date as valid_from,
        lead(file_date) over (partition by agency_code order by file_date asc nulls last) as valid_to
    from {{ ref('stg_feeds__agencies') }}
),

-- an agency that no feed tells of was entered here
entered as (
    select * from {{ ref('stg_ops__agencies') }}
    where agency_code not in (select agency_code from told)
),

periods as (
    select
        *,
        valid_to is null and coalesce(contract_to_date, date '9999-12-31') >= {{ build_day() }} as is_current
    from told
    union all
    select
        agency_code,
        name,
        capacity,
        cast(null as date) as contract_from_date,
        cast(null as date) as contract_to_date,
        created_date as valid_from,
        cast(null as date) as valid_to,
        state <> 'ended' as is_current
    from entered
),

dim_agencies as (
    select
        cast(agency_code as varchar) as agency_code,
        cast(name as varchar) as name,
        cast(capacity as bigint) as capacity,
        cast(contract_from_date as date) as contract_from_date,
        cast(contract_to_date as date) as contract_to_date,
        cast(valid_from as date) as valid_from,
        cast(valid_to as date) as valid_to,
        cast(is_current as boolean) as is_current
    from periods
)

select * from dim_agencies
