{# A JSON list of texts, or a list column, as one comma list. #}
{% macro listed(list) -%}
    {{ return(adapter.dispatch('listed', 'recoup')(list)) }}
{%- endmacro %}

{% macro default__listed(list) -%}
    regexp_replace(cast({{ list }} as varchar), '[\[\]"'' ]', '', 'g')
{%- endmacro %}

{% macro spark__listed(list) -%}
    regexp_replace(cast({{ list }} as string), '[\\[\\]"\' ]', '')
{%- endmacro %}
