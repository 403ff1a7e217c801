{# One key of several columns; the separator cannot occur in a code. #}
{% macro key_of(columns) -%}
    md5({% for column in columns %}cast({{ column }} as varchar){{ " || chr(31) || " if not loop.last }}{% endfor %})
{%- endmacro %}

{# A case is one loan in one spell of collection. #}
{% macro case_id(spell_no='spell_no') -%}
    {{ key_of(['source_code', 'loan_id', spell_no]) }}
{%- endmacro %}
