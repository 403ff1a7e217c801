{# Where a loan stands at a month end: a bucket, or the exit it took. #}
{% macro roll_state(loan) -%}
    case
        when {{ loan }}.status in ('written_off', 'sold', 'cancelled') then {{ loan }}.status
        when {{ loan }}.is_paid then 'paid'
        else {{ loan }}.bucket
    end
{%- endmacro %}
