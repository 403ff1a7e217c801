{# Days past due to the bucket's code; the seed buckets says the same (tested). The variable lender_buckets has the edges
   of lenders that have their own: lender -> codes with the last day of each, none for the last. #}
{% macro bucket(dpd, lender=none) -%}
    {%- set own = var('lender_buckets', {}) if lender else {} -%}
    case
        {% for code, edges in own.items() -%}
        when {{ lender }} = '{{ code }}' then
            case
                {% for bucket, last in edges if last is not none -%}
                when {{ dpd }} <= {{ last }} then '{{ bucket }}'
                {% endfor -%}
                else '{{ edges[-1][0] }}'
            end
        {% endfor -%}
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
