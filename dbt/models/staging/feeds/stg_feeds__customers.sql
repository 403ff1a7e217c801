with

-- of several contents on one day the last counts; which attributes are personal stays behind here
versions as (
    {{ latest_by(
        from_source('raw', 'customers'), ['source_code', 'customer_id', 'file_date'],
        ['name', 'region_code', 'language', 'birth_date']
    ) }}
),

stg_feeds__customers as (
    select
        cast(source_code as varchar) as source_code,
        cast(customer_id as varchar) as customer_id,
        cast({{ mask_name('name') }} as varchar) as name_masked,
        cast(coalesce(region_code, 'unknown') as varchar) as region_code,
        cast(language as varchar) as language,
        cast(extract(year from birth_date) as integer) as birth_year,
        cast(file_date as date) as file_date
    from versions
    where version_rank = 1
)

select * from stg_feeds__customers
