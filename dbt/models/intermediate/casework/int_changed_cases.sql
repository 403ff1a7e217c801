with

{% if is_built_in_full('marts', 'dim_cases') %}
changed as (
    select case_id from {{ ref('int_case_events') }} where false
),
{% else %}
{% set from_day = changed_from(['loans']) %}
{% set before = adapter.get_relation(target.database, 'marts', 'dim_cases') if execute else none %}
changed as (
    select case_id from {{ ref('int_case_events') }} where event_date >= {{ from_day }}
    {% if before %}
    union
    -- what the last build said of the days that changed: it may not have happened after all
    select case_id from {{ before }}
    where opened_date >= {{ from_day }} or closed_date >= {{ from_day }}
        or reached_30_date >= {{ from_day }} or reached_90_date >= {{ from_day }}
        or written_off_date >= {{ from_day }}
    {% endif %}
),
{% endif %}

int_changed_cases as (
    select distinct cast(case_id as varchar) as case_id from changed
)

select * from int_changed_cases
