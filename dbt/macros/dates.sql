{# The business date of a moment in UTC. #}
{% macro business_date(moment) -%}
    {{ return(adapter.dispatch('business_date', 'recoup')(moment)) }}
{%- endmacro %}

{% macro default__business_date(moment) -%}
    cast({{ moment }} + interval '{{ var("business_utc_offset_hours") }}' hour as date)
{%- endmacro %}

{# Last day of the calendar month of a day. #}
{% macro month_end(day) -%}
    cast(last_day({{ day }}) as date)
{%- endmacro %}

{# First day of the calendar month of a day. #}
{% macro month_start(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{# Whole calendar months from one day to another. #}
{% macro months_between(earlier, later) -%}
    cast((extract(year from {{ later }}) - extract(year from {{ earlier }})) * 12
        + extract(month from {{ later }}) - extract(month from {{ earlier }}) as integer)
{%- endmacro %}
