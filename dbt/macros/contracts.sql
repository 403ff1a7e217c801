{#
dbt compares what a contracted model gives with its contract before each build. Where the last whole build was of the same
state of the project (RECOUP_CONTRACTS_HELD, from pipelines/build.py) the comparison was made then: what a model gives is
told by its SQL, and the table's declared types and not-nulls hold every row in any case.
#}
{% macro duckdb__get_assert_columns_equivalent(sql) -%}
    {%- if env_var('RECOUP_CONTRACTS_HELD', '') == '' -%}
        {{- return(assert_columns_equivalent(sql)) -}}
    {%- endif -%}
{%- endmacro %}

{# No model has an index, so none is looked for before each swap. #}
{% macro drop_indexes_on_relation(relation) -%}{%- endmacro %}
