{# Codes of a seed with their names, and codes seen in a model: one that nobody has named yet goes by its code. #}
{% macro codes_with_names(seed, code, seen_in) -%}
    select
        cast(coalesce(named.{{ code }}, seen.{{ code }}) as varchar) as {{ code }},
        cast(coalesce(named.name_zh, seen.{{ code }}) as varchar) as name_zh,
        cast(coalesce(named.name_en, seen.{{ code }}) as varchar) as name_en
    from {{ ref(seed) }} as named
    full outer join (select distinct {{ code }} from {{ ref(seen_in) }}) as seen on seen.{{ code }} = named.{{ code }}
{%- endmacro %}
