with

people as (
    select * from {{ from_source('ops', 'people') }}
    where role_code = 'collector'
),

stg_ops__collectors as (
    select
        cast(person_id as varchar) as collector_id,
        cast({{ mask_name('display_name') }} as varchar) as name_masked,
        cast(agency_code as varchar) as agency_code,
        cast(active as boolean) as is_active,
        {{ business_date('created_at') }} as created_date
    from people
)

select * from stg_ops__collectors
