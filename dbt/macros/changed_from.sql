{#
The earliest date from which something must be recomputed, as a literal so that old partitions are not even read.

Feeds say which of their partitions changed since the last good build (raw.touched). A placement or assignment is filed
under its file's date but counts from the day it began, or from the day it ended where only its end changed.
#}
{% macro changed_from(feeds, grain='day') -%}
    {%- set touched = from_source('raw', 'touched') -%}
    {%- set queries = [] -%}
    {%- for feed in feeds -%}
        {%- if feed in ('placements', 'assignments') -%}
            {%- do queries.append(custody_changed_from(feed, touched)) -%}
        {%- else -%}
            {%- do queries.append("select partition_date as day from " ~ touched ~ " where feed = '" ~ feed ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not execute -%}
        {{- return("cast('9999-12-31' as date)") -}}
    {%- endif -%}
    {%- set found = run_query("select cast(min(day) as varchar) as day from (" ~ queries | join(' union all ') ~ ") as days") -%}
    {%- set day = found.columns[0].values()[0] or '9999-12-31' -%}
    {%- if grain == 'month' -%}
        {%- set day = day[:8] ~ '01' -%}
    {%- endif -%}
    {{- return("cast('" ~ day ~ "' as date)") -}}
{%- endmacro %}

{% macro custody_changed_from(feed, touched) -%}
    {%- set key, begins, ends = ('placement_id', 'placed_date', 'recalled_date') if feed == 'placements'
        else ('assignment_id', business_date('assigned_at'), business_date('ended_at')) -%}
    {%- set rows = from_source('raw', feed) -%}
    {%- set query -%}
        select case
            when count(*) = 1 or min({{ begins }}) <> max({{ begins }}) or min(coalesce(agency_code, '')) <> max(coalesce(agency_code, ''))
                then min({{ begins }})
            else coalesce(min({{ ends }}), min({{ begins }}))
        end as day
        from {{ rows }} as rows_of_feed
        where exists (
            select 1 from {{ rows }} as recent
            where recent.source_code = rows_of_feed.source_code and recent.{{ key }} = rows_of_feed.{{ key }}
                and recent.file_date in (select partition_date from {{ touched }} where feed = '{{ feed }}')
        )
        group by source_code, {{ key }}
    {%- endset -%}
    {{- return(query) -}}
{%- endmacro %}

{# The earliest day that any feed touched; of tests, which look at what was recomputed. #}
{% macro earliest_change() -%}
    {%- set touched = from_source('raw', 'touched') -%}
    {%- if not execute -%}
        {{- return("cast('0001-01-01' as date)") -}}
    {%- endif -%}
    {%- set found = run_query("select cast(min(partition_date) as varchar) as day from " ~ touched) -%}
    {{- return("cast('" ~ (found.columns[0].values()[0] or '9999-12-31') ~ "' as date)") -}}
{%- endmacro %}
