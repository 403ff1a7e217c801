{# A moment in UTC as the clock on the wall of the house shows it. #}
{% macro local_time(moment) -%}
    {{ return(adapter.dispatch('local_time', 'recoup')(moment)) }}
{%- endmacro %}

{% macro default__local_time(moment) -%}
    {#- a zone that keeps one offset, as China's does since 1992, is an addition: the calendar library costs thirty times that -#}
    {%- set offset = env_var("RECOUP_UTC_OFFSET_S", "") -%}
    {%- set by_rule -%}
    (cast({{ moment }} as timestamp) at time zone 'UTC' at time zone '{{ env_var("RECOUP_TIMEZONE", "Asia/Shanghai") }}')
    {%- endset -%}
    {%- if offset -%}
    case
        when {{ moment }} >= timestamp '2000-01-02' and {{ moment }} < timestamp '2099-12-30'
            then cast({{ moment }} as timestamp) + interval '{{ offset }} seconds'
        else {{ by_rule }}
    end
    {%- else -%}
    {{ by_rule }}
    {%- endif -%}
{%- endmacro %}

{% macro spark__local_time(moment) -%}
    from_utc_timestamp({{ moment }}, '{{ env_var("RECOUP_TIMEZONE", "Asia/Shanghai") }}')
{%- endmacro %}

{# The business date of a moment in UTC. #}
{% macro business_date(moment) -%}
    cast({{ local_time(moment) }} as date)
{%- endmacro %}

{# The business date for which the marts are built. #}
{% macro build_day() -%}
    (select max(business_date) from {{ from_source('raw', 'build_day') }})
{%- endmacro %}

{# Every day from one to the other, as column date_day. #}
{% macro calendar_days(first, last) -%}
    {{ return(adapter.dispatch('calendar_days', 'recoup')(first, last)) }}
{%- endmacro %}

{% macro default__calendar_days(first, last) -%}
    select cast(days.day as date) as date_day
    from generate_series(cast('{{ first }}' as timestamp), cast('{{ last }}' as timestamp), interval 1 day) as days (day)
{%- endmacro %}

{% macro spark__calendar_days(first, last) -%}
    select explode(sequence(to_date('{{ first }}'), to_date('{{ last }}'), interval 1 day)) as date_day
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

{# 1 Monday to 7 Sunday. #}
{% macro day_of_week(day) -%}
    {{ return(adapter.dispatch('day_of_week', 'recoup')(day)) }}
{%- endmacro %}

{% macro default__day_of_week(day) -%}
    cast(isodow({{ day }}) as integer)
{%- endmacro %}

{% macro spark__day_of_week(day) -%}
    cast(weekday({{ day }}) + 1 as integer)
{%- endmacro %}
