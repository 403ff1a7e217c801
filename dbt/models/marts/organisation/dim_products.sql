with

named as (
    select * from {{ ref('products') }}
),

seen as (
    select distinct product_code from {{ ref('int_loans') }}
),

-- a product nobody has named yet goes by its code
dim_products as (
    select
        cast(coalesce(named.product_code, seen.product_code) as varchar) as product_code,
        cast(coalesce(named.name_zh, seen.product_code) as varchar) as name_zh,
        cast(coalesce(named.name_en, seen.product_code) as varchar) as name_en
    from named
    full outer join seen on seen.product_code = named.product_code
)

select * from dim_products
