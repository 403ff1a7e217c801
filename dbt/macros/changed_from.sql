{#
The earliest date from which something must be recomputed, as a literal so that old partitions are not even read.

Feeds say which of their partitions changed since the last good build (raw.touched). A placement or assignment is filed
under its file's date but counts from the day it began, or from the day it ended where only its end changed. What the
ops store says of both is touched by the days that moved (pipelines/extract_changes.py) as ops.placements and
ops.assignments, and counts wherever the feed of that name does.
#}
{% macro changed_from(feeds, grain='day') -%}
    {%- set touched = from_source('raw', 'touched') -%}
    {%- set queries = [] -%}
    {%- for feed in feeds -%}
        {%- if feed in ('placements', 'assignments') -%}
            {%- do queries.append(custody_changed_from(feed, touched)) -%}
            {%- do queries.append("select partition_date as day from " ~ touched ~ " where feed = 'ops." ~ feed ~ "'") -%}
        {%- else -%}
            {%- do queries.append("select partition_date as day from " ~ touched ~ " where feed = '" ~ feed ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not execute -%}
        {{- return("cast('9999-12-31' as date)") -}}
    {%- endif -%}
    {%- set day = answered_once("select cast(min(day) as varchar) as day from (" ~ queries | join(' union all ') ~ ") as days")
        or '9999-12-31' -%}
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

{# The earliest day that any feed touched; of tests, which look at what was recomputed: after a full refresh at all. #}
{% macro earliest_change() -%}
    {%- set touched = from_source('raw', 'touched') -%}
    {%- if not execute or flags.FULL_REFRESH -%}
        {{- return("cast('0001-01-01' as date)") -}}
    {%- endif -%}
    {%- set day = answered_once("select cast(min(partition_date) as varchar) as day from " ~ touched) or '9999-12-31' -%}
    {{- return("cast('" ~ day ~ "' as date)") -}}
{%- endmacro %}

{#
" and <moment> is not before the earliest day listed in `days_in`", with a day to spare for the zone: a literal on the
moment itself lets old partitions go unread, which a day computed from it does not. For incremental builds.
#}
{% macro not_before(moment, days_in) -%}
    {%- set days = ref(days_in) -%}
    {%- if not execute -%}
        {{- return('') -}}
    {%- endif -%}
    {%- set day = answered_once("select cast(min(day) as varchar) as day from " ~ days) or '9999-12-31' -%}
    {{- return(" and " ~ moment ~ " >= cast('" ~ day ~ "' as date) - interval '1' day") -}}
{%- endmacro %}

{#
The one value a query gives, asked once a run: what feeds touched stands still while a build lasts, and a score of models
ask for it. Answers live in the run's graph, which every invocation makes anew.
#}
{% macro answered_once(query) -%}
    {%- set answers = graph.setdefault('recoup_answers', {}) -%}
    {%- if query not in answers -%}
        {%- do answers.update({query: run_query(query).columns[0].values()[0]}) -%}
    {%- endif -%}
    {{- return(answers[query]) -}}
{%- endmacro %}
