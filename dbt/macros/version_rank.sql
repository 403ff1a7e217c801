{#
Which of several contents of a key counts, whatever order the files came in.

All return a select of the keys, the columns named and version_rank; the row that counts has version_rank = 1.

latest_by, earliest_by    for feeds of modest size: every row is ranked
    relation, keys, columns
ranked_versions           for large feeds: what is listed in `repeated` is ranked, everything else, nearly all, passes as
                          it is and never enters a sort
    repeated, repeated_by a model that lists where contents repeat, and by which columns it does
    where                 the partitions to read of what is not repeated
#}
{% macro latest_by(relation, keys, columns) -%}
    select {{ (keys + columns) | join(', ') }}, {{ version_rank(keys, 'desc') }}
    from {{ relation }} as versions
{%- endmacro %}

{% macro earliest_by(relation, keys, columns) -%}
    select {{ (keys + columns) | join(', ') }}, {{ version_rank(keys, 'asc') }}
    from {{ relation }} as versions
{%- endmacro %}

{% macro ranked_versions(relation, keys, columns, repeated, repeated_by, direction, where) -%}
{%- set same -%}
    {%- for key in repeated_by %}repeated.{{ key }} = versions.{{ key }}{{ ' and ' if not loop.last }}{% endfor -%}
{%- endset -%}
    select {{ (keys + columns) | join(', ') }}, 1 as version_rank
    from {{ relation }} as versions
    where {{ where }} and not exists (select 1 from {{ repeated }} as repeated where {{ same }})
    union all
    select {{ (keys + columns) | join(', ') }}, {{ version_rank(keys, direction) }}
    from {{ relation }} as versions
    where exists (select 1 from {{ repeated }} as repeated where {{ same }})
{%- endmacro %}

{% macro version_rank(keys, direction) -%}
    row_number() over (
        partition by {{ keys | join(', ') }}
        order by file_date {{ direction }} nulls last, file_id {{ direction }} nulls last, line_no {{ direction }} nulls last
    ) as version_rank
{%- endmacro %}

{#
The keys of an event feed that came with more than one content and are concerned by this build: of a full build all of
them, else those with a content in a changed partition. `moment` is the column the partition is computed from, if any.
#}
{% macro repeated_keys(relation, key, partition, changed_days, target_table, moment=none) -%}
    {%- set days = ref(changed_days) -%}
    {%- if is_built_in_full('marts', target_table) -%}
    select source_code, {{ key }} from {{ relation }} group by source_code, {{ key }} having count(*) > 1
    {%- else -%}
    select versions.source_code, versions.{{ key }}
    from {{ relation }} as versions
    inner join (
        select distinct source_code, {{ key }} from {{ relation }} where {{ partition }} in (select day from {{ days }})
            {{- not_before(moment, changed_days) if moment }}
    ) as concerned
        on concerned.source_code = versions.source_code and concerned.{{ key }} = versions.{{ key }}
    group by versions.source_code, versions.{{ key }}
    having count(*) > 1
    {%- endif -%}
{%- endmacro %}
