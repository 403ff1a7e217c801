{# The one way to read what dbt did not build: feeds as they were accepted, matches, copies of the ops store. #}
{% macro from_source(schema, table) -%}
    {{ return(adapter.dispatch('from_source', 'recoup')(schema, table)) }}
{%- endmacro %}

{% macro default__from_source(schema, table) -%}
    {{ return(source(schema, table)) }}
{%- endmacro %}
