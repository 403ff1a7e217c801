with

dim_collectors as (
    select
        cast(source_code as varchar) as source_code,
        cast(collector_id as varchar) as collector_id,
        cast(name_masked as varchar) as name_masked,
        cast(agency_code as varchar) as agency_code,
        cast(team as varchar) as team,
        cast(capacity as bigint) as capacity,
        cast(file_date as date) as valid_from,
        cast(
            lead(file_date) over (partition by source_code, collector_id order by file_date asc nulls last) as date
        ) as valid_to,
        cast(
            lead(file_date) over (partition by source_code, collector_id order by file_date asc nulls last) is null
            as boolean
        ) as is_current
    from {{ ref('stg_feeds__collectors') }}
)

select * from dim_collectors
