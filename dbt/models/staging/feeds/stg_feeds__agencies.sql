with

versions as (
    {{ latest_by(
        from_source('raw', 'agencies'), ['agency_code', 'file_date'],
        ['name', 'capacity', 'contract_from_date', 'contract_to_date']
    ) }}
),

stg_feeds__agencies as (
    select
        cast(agency_code as varchar) as agency_code,
        cast(name as varchar) as name,
        cast(capacity as bigint) as capacity,
        cast(contract_from_date as date) as contract_from_date,
        cast(contract_to_date as date) as contract_to_date,
        cast(file_date as date) as file_date
    from versions
    where version_rank = 1
)

select * from stg_feeds__agencies
