with

calls as (
    select source_code, call_id, business_date from {{ ref('stg_feeds__calls') }}
),

-- calls are filed by their day in UTC, which is the business date or a neighbour of it
touched as (
    select partition_date as day from {{ from_source('raw', 'touched') }} where feed = 'calls'
),

near as (
    select day from touched
    union
    select cast(day + interval '1' day as date) from touched
    union
    select cast(day - interval '1' day as date) from touched
),

affected as (
    select distinct source_code, call_id from calls where business_date in (select day from near)
),

days as (
    select day from near
    union
    -- every version of a call: when the first to arrive turns out to be another, its day changes
    select calls.business_date
    from calls
    inner join affected on affected.source_code = calls.source_code and affected.call_id = calls.call_id
    union
    -- case and bucket of an attempt come from the loans
    select business_date from calls where business_date >= {{ changed_from(['loans']) }}
),

int_call_changed_days as (
    select distinct cast(day as date) as day from days
)

select * from int_call_changed_days
