with

dim_buckets as (
    select
        cast(code as varchar) as bucket,
        cast(from_day as integer) as from_day,
        cast(to_day as integer) as to_day,
        cast(sort_order as integer) as sort_order,
        cast(label_zh as varchar) as name_zh,
        cast(label_en as varchar) as name_en
    from {{ ref('buckets') }}
)

select * from dim_buckets
