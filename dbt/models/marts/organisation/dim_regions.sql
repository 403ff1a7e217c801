with

dim_regions as (
    {{ codes_with_names('regions', 'region_code', 'int_loans') }}
)

select * from dim_regions
