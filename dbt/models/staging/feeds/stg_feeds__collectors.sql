with

versions as (
    {{ latest_by(
        from_source('raw', 'collectors'), ['source_code', 'collector_id', 'file_date'],
        ['name', 'agency_code', 'team', 'capacity', 'contract_from_date', 'contract_to_date']
    ) }}
),

stg_feeds__collectors as (
    select
        cast(source_code as varchar) as source_code,
        cast(collector_id as varchar) as collector_id,
        cast({{ mask_name('name') }} as varchar) as name_masked,
        cast(agency_code as varchar) as agency_code,
        cast(team as varchar) as team,
        cast(capacity as bigint) as capacity,
        cast(file_date as date) as file_date
    from versions
    where version_rank = 1
)

select * from stg_feeds__collectors
