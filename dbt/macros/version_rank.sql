{#
Which of several versions of a key counts, whatever order the files came in.

Both return a select of the columns named plus version_rank; the row that counts has version_rank = 1. Keys with one
version, nearly all, never enter a sort: only repeated keys are ranked.
    relation   what is read, filtered by `where`
    keys       the columns of the key
    columns    the columns returned besides the keys
#}
{% macro latest_by(relation, keys, columns, where='true') -%}
    {{ ranked_versions(relation, keys, columns, where, 'desc') }}
{%- endmacro %}

{% macro earliest_by(relation, keys, columns, where='true') -%}
    {{ ranked_versions(relation, keys, columns, where, 'asc') }}
{%- endmacro %}

{% macro ranked_versions(relation, keys, columns, where, direction) -%}
{%- set repeated -%}
    select {{ keys | join(', ') }} from {{ relation }} as versions where {{ where }}
    group by {{ keys | join(', ') }} having count(*) > 1
{%- endset -%}
{%- set same -%}
    {%- for key in keys %}repeated.{{ key }} = versions.{{ key }}{{ ' and ' if not loop.last }}{% endfor -%}
{%- endset -%}
    select {{ (keys + columns) | join(', ') }}, 1 as version_rank
    from {{ relation }} as versions
    where {{ where }} and not exists (select 1 from ({{ repeated }}) as repeated where {{ same }})
    union all
    select
        {{ (keys + columns) | join(', ') }},
        row_number() over (
            partition by {{ keys | join(', ') }}
            order by file_date {{ direction }} nulls last, file_id {{ direction }} nulls last, line_no {{ direction }} nulls last
        ) as version_rank
    from {{ relation }} as versions
    where {{ where }} and exists (select 1 from ({{ repeated }}) as repeated where {{ same }})
{%- endmacro %}
