with

touched as (
    select * from {{ from_source('raw', 'touched') }}
),

int_feed_changed_days as (
    select distinct cast(partition_date as date) as day from touched
    where feed not like 'ops.%'
)

select * from int_feed_changed_days
