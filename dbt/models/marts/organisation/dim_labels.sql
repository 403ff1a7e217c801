with

dim_labels as (
    select
        cast(enum as varchar) as enum,
        cast(code as varchar) as code,
        cast(label_zh as varchar) as name_zh,
        cast(label_en as varchar) as name_en
    from {{ ref('labels') }}
)

select * from dim_labels
