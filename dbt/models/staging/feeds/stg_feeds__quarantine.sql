with

quarantine as (
    select * from {{ from_source('raw', 'quarantine') }}
),

stg_feeds__quarantine as (
    select
        cast(file_id as varchar) as file_id,
        cast(line_no as bigint) as line_no,
        cast(source_code as varchar) as source_code,
        cast(feed as varchar) as feed,
        cast(file_date as date) as file_date,
        cast(column_name as varchar) as column_name,
        cast(rule as varchar) as rule,
        cast(reason_en as varchar) as reason_en,
        cast(reason_zh as varchar) as reason_zh,
        cast(is_primary as boolean) as is_primary,
        cast(state as varchar) as state
    from quarantine
)

select * from stg_feeds__quarantine
