{# Sums of money are decimals of one type on every engine. #}
{% macro money(expression) -%}
    cast({{ expression }} as decimal(18, 2))
{%- endmacro %}

{# A ratio of two exact sums with eight places, null where the denominator is 0. Never an average of ratios. #}
{% macro rate(numerator, denominator) -%}
    cast(
        case
            when {{ denominator }} <> 0
                then round(cast({{ numerator }} as double) / cast({{ denominator }} as double), 8)
        end as decimal(18, 8)
    )
{%- endmacro %}
