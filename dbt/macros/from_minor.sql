{# Whole minor units to an exact decimal(18,2) in the currency's own units; no float on the way. #}
{% macro from_minor(minor, currency='currency') -%}
    cast(
        cast({{ minor }} as decimal(18, 0))
        * case
            when {{ currency }} in ('{{ var('whole_unit_currencies') | join("', '") }}') then cast(1 as decimal(3, 2))
            else cast(0.01 as decimal(3, 2))
        end
        as decimal(18, 2)
    )
{%- endmacro %}
