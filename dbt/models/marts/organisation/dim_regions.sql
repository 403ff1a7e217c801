with

named as (
    select * from {{ ref('regions') }}
),

seen as (
    select distinct region_code from {{ ref('int_loans') }}
),

-- a region nobody has named yet goes by its code
dim_regions as (
    select
        cast(coalesce(named.region_code, seen.region_code) as varchar) as region_code,
        cast(coalesce(named.name_zh, seen.region_code) as varchar) as name_zh,
        cast(coalesce(named.name_en, seen.region_code) as varchar) as name_en
    from named
    full outer join seen on seen.region_code = named.region_code
)

select * from dim_regions
