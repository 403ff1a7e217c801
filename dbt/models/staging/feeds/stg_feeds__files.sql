with

files as (
    select * from {{ from_source('raw', 'files') }}
),

stg_feeds__files as (
    select
        cast(file_id as varchar) as file_id,
        cast(source_code as varchar) as source_code,
        cast(feed as varchar) as feed,
        cast(file_date as date) as file_date,
        cast(rows_in as bigint) as rows_in,
        cast(rows_accepted as bigint) as rows_accepted,
        cast(rows_quarantined as bigint) as rows_quarantined,
        cast(state as varchar) as state
    from files
)

select * from stg_feeds__files
