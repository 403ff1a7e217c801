{# Personal data shows its first character; the rest is hidden with marks that do not tell the length. #}
{% macro mask_name(name) -%}
    case when {{ name }} is null or {{ name }} = '' then null else substr({{ name }}, 1, 1) || '**' end
{%- endmacro %}

{# Free text without the numbers that name or reach a person: seven digits or more, blanks and dashes among them. #}
{% macro mask_numbers(text) -%}
    {{ return(adapter.dispatch('mask_numbers', 'recoup')(text)) }}
{%- endmacro %}

{% macro default__mask_numbers(text) -%}
    regexp_replace({{ text }}, '[0-9](?:[ -]?[0-9Xx]){6,}', '*******', 'g')
{%- endmacro %}

{% macro spark__mask_numbers(text) -%}
    regexp_replace({{ text }}, '[0-9](?:[ -]?[0-9Xx]){6,}', '*******')
{%- endmacro %}
