{# Personal data shows its first character; the rest is hidden with marks that do not tell the length. #}
{% macro mask_name(name) -%}
    case when {{ name }} is null or {{ name }} = '' then null else substr({{ name }}, 1, 1) || '**' end
{%- endmacro %}
