{# The value in the row where `moment` is smallest, within a group; null where that row has none. #}
{% macro earliest_value(value, moment) -%}
    {{ return(adapter.dispatch('earliest_value', 'recoup')(value, moment)) }}
{%- endmacro %}

{% macro default__earliest_value(value, moment) -%}
    arg_min_null({{ value }}, {{ moment }})
{%- endmacro %}

{% macro spark__earliest_value(value, moment) -%}
    min_by({{ value }}, {{ moment }})
{%- endmacro %}
