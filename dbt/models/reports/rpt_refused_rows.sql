with

-- a row counts under the first reason it was refused for
refused as (
    select * from {{ ref('stg_feeds__quarantine') }}
    where is_primary and file_date <= {{ build_day() }}
),

rpt_refused_rows as (
    select
        cast(file_date as date) as business_date,
        cast(source_code as varchar) as source_code,
        cast(feed as varchar) as feed,
        cast(coalesce(column_name, '') as varchar) as column_name,
        cast(rule as varchar) as rule,
        cast(min(reason_en) as varchar) as reason_en,
        cast(min(reason_zh) as varchar) as reason_zh,
        cast(count(*) as bigint) as rows,
        cast(sum(case when state = 'open' then 1 else 0 end) as bigint) as open_rows
    from refused
    group by file_date, source_code, feed, coalesce(column_name, ''), rule
)

select * from rpt_refused_rows
