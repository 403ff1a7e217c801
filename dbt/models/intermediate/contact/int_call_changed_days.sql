with

calendar as (
    select date_day as day from {{ ref('dim_dates') }}
),

{% if is_built_in_full('marts', 'fct_contact_attempts') %}
days as (
    select day from calendar
),
{% else %}
-- calls are filed by their day in UTC
touched as (
    select partition_date as day from {{ from_source('raw', 'touched') }} where feed = 'calls'
),

affected as (
    select distinct source_code, call_id
    from {{ ref('stg_feeds__calls') }}
    where started_at >= {{ changed_from(['calls']) }} and cast(started_at as date) in (select day from touched)
),

-- every version of a call: when the first to arrive turns out to be another, its day changes
versions as (
    select calls.started_at
    from {{ ref('stg_feeds__calls') }} as calls
    inner join affected on affected.source_code = calls.source_code and affected.call_id = calls.call_id
),

days as (
    -- the business date is the day in UTC or a neighbour of it
    select calendar.day
    from calendar
    inner join touched
        on calendar.day >= touched.day - interval '1' day and calendar.day <= touched.day + interval '1' day
    union
    select {{ business_date('started_at') }} from versions
    union
    -- case and bucket of an attempt come from the loans, those of an agency's own calls from its placements
    select day from calendar where day >= {{ changed_from(['loans', 'ops.placements']) }}
),
{% endif %}

int_call_changed_days as (
    select distinct cast(day as date) as day from days
)

select * from int_call_changed_days
