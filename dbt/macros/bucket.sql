{# Days past due to the bucket's code; the seed buckets says the same (tested). #}
{% macro bucket(dpd) -%}
    case
        when {{ dpd }} <= 0 then 'C'
        when {{ dpd }} <= 30 then 'M1'
        when {{ dpd }} <= 60 then 'M2'
        when {{ dpd }} <= 90 then 'M3'
        when {{ dpd }} <= 120 then 'M4'
        when {{ dpd }} <= 150 then 'M5'
        when {{ dpd }} <= 180 then 'M6'
        else 'M7'
    end
{%- endmacro %}
