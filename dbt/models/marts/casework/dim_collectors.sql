with

told as (
    select
        source_code,
        collector_id,
        name_masked,
        agency_code,
        team,
        capacity,
        file_date as valid_from,
        lead(file_date) over (partition by source_code, collector_id order by file_date asc nulls last) as valid_to
    from {{ ref('stg_feeds__collectors') }}
),

periods as (
    select *, valid_to is null as is_current from told
    union all
    -- whoever signs in here to collect
    select
        'ops' as source_code,
        collector_id,
        name_masked,
        agency_code,
        cast(null as varchar) as team,
        cast(null as bigint) as capacity,
        created_date as valid_from,
        cast(null as date) as valid_to,
        is_active as is_current
    from {{ ref('stg_ops__collectors') }}
),

dim_collectors as (
    select
        cast(source_code as varchar) as source_code,
        cast(collector_id as varchar) as collector_id,
        cast(name_masked as varchar) as name_masked,
        cast(agency_code as varchar) as agency_code,
        cast(team as varchar) as team,
        cast(capacity as bigint) as capacity,
        cast(valid_from as date) as valid_from,
        cast(valid_to as date) as valid_to,
        cast(is_current as boolean) as is_current
    from periods
)

select * from dim_collectors
