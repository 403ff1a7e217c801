with

dealt_with as (
    select * from {{ from_source('ops', 'case_batch_rows') }}
    where outcome = 'done'
),

batches as (
    select * from {{ from_source('ops', 'case_batches') }}
    where kind in ('place', 'transfer')
),

stg_ops__placed_batches as (
    select
        cast(dealt_with.case_id as varchar) as case_id,
        cast(batches.batch_id as varchar) as batch_id,
        cast(batches.agency_code as varchar) as agency_code,
        cast(batches.made_at as timestamp) as made_at
    from batches
    inner join dealt_with on dealt_with.batch_id = batches.batch_id
)

select * from stg_ops__placed_batches
