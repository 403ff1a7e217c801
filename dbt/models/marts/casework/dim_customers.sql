{% set changed = replace_partitions('valid_from', feeds=['customers'], grain='all') %}

with

versions as (
    select * from {{ ref('stg_feeds__customers') }}
    where {{ changed }}
),

compared as (
    select
        *,
        row_number() over (partition by source_code, customer_id order by file_date asc nulls last) as version_no,
        lag(coalesce(name_masked, '') || chr(31) || region_code || chr(31) || coalesce(language, '') || chr(31)
            || coalesce(cast(birth_year as varchar), '')) over (
            partition by source_code, customer_id order by file_date asc nulls last
        ) as before
    from versions
),

-- a file that changes nothing of what is kept here begins no new period
periods as (
    select
        *,
        lead(file_date) over (partition by source_code, customer_id order by file_date asc nulls last) as next_date
    from compared
    where version_no = 1
        or before <> coalesce(name_masked, '') || chr(31) || region_code || chr(31) || coalesce(language, '') || chr(31)
        || coalesce(cast(birth_year as varchar), '')
),

dim_customers as (
    select
        cast({{ key_of(['source_code', 'customer_id']) }} as varchar) as customer_key,
        cast(source_code as varchar) as source_code,
        cast(customer_id as varchar) as customer_id,
        cast(name_masked as varchar) as name_masked,
        cast(region_code as varchar) as region_code,
        cast(language as varchar) as language,
        cast(birth_year as integer) as birth_year,
        cast(next_date as date) as valid_to,
        cast(file_date as date) as valid_from
    from periods
)

select * from dim_customers
