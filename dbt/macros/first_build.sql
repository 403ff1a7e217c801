{# Whether `table` will be built in full by this run, so that nobody needs to know which of its partitions changed. #}
{% macro is_built_in_full(schema, table) -%}
    {%- if not execute -%}
        {{- return(false) -}}
    {%- endif -%}
    {{- return(flags.FULL_REFRESH or adapter.get_relation(target.database, schema, table) is none) -}}
{%- endmacro %}
