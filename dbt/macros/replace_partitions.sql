{#
History is kept by replacing whole partitions, never by merging rows, so that late files and early ones end alike.

    {% set changed = replace_partitions('business_date', feeds=['loans']) %}

makes the model incremental by the date column named and returns the condition "this partition is recomputed": every
date from the earliest one that changed. With days_in, the partitions are instead the days listed in that model; with
keys_in, the rows whose key (the column named) is listed in that model, for tables of one row a key without a partition;
with grain='all', everything as soon as one of the feeds changed. A full build returns true. Partitions that come back empty are emptied, which insert_overwrite alone would not do.
#}
{% macro replace_partitions(column, feeds=none, days_in=none, grain='day', keys_in=none) -%}
    {%- set rule = {'column': column, 'feeds': feeds, 'days_in': days_in, 'grain': grain, 'keys_in': keys_in} -%}
    {{ adapter.dispatch('partitioned', 'recoup')(rule) }}
    {{- return(changed(column, feeds, days_in, grain, keys_in)) -}}
{%- endmacro %}

{% macro default__partitioned(rule) -%}
    {{ config(materialized='incremental', incremental_strategy='replace_partitions', meta={'replaces': rule}) }}
{%- endmacro %}

{% macro spark__partitioned(rule) -%}
    {%- if rule.keys_in -%}
    {{ config(materialized='table') }}
    {%- else -%}
    {{ config(
        materialized='incremental', incremental_strategy='insert_overwrite', partition_by=[rule.column],
        file_format='parquet', meta={'replaces': rule}, pre_hook="{{ drop_replaced_partitions() }}"
    ) }}
    {%- endif -%}
{%- endmacro %}

{# The condition on `column` that a row belongs to a partition which is recomputed. #}
{% macro changed(column, feeds=none, days_in=none, grain='day', keys_in=none) -%}
    {%- set days = ref(days_in) if days_in else none -%}
    {%- set keys = ref(keys_in) if keys_in else none -%}
    {%- if not execute or not is_incremental() -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- if keys -%}
        {{- return(column ~ ' in (select changed.' ~ column ~ ' from ' ~ keys ~ ' as changed)') -}}
    {%- endif -%}
    {%- if days -%}
        {{- return(column ~ ' in (select changed.day from ' ~ days ~ ' as changed)') -}}
    {%- endif -%}
    {%- set from = changed_from(feeds, grain) -%}
    {%- if grain == 'all' -%}
        {{- return('false' if '9999-12-31' in from else 'true') -}}
    {%- endif -%}
    {{- return(column ~ ' >= ' ~ from) -}}
{%- endmacro %}

{# dbt calls this for the strategy of that name: in one transaction, out with the old partitions, in with the new. #}
{% macro get_incremental_replace_partitions_sql(arguments) -%}
    {%- set rule = config.get('meta')['replaces'] -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='name') | join(', ') -%}
    delete from {{ arguments['target_relation'] }}
    where {{ changed(rule['column'], rule['feeds'], rule['days_in'], rule['grain'], rule['keys_in']) }};
    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
{%- endmacro %}

{# Spark drops what will be recomputed before the overwrite; a run that dies here is repeated, for its feeds stay touched. #}
{% macro drop_replaced_partitions() -%}
    {%- set rule = config.get('meta')['replaces'] -%}
    {%- if execute and is_incremental() -%}
        alter table {{ this }} drop if exists partition ({{ changed(rule['column'], rule['feeds'], rule['days_in'], rule['grain'], rule['keys_in']) }})
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
