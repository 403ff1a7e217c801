with

entries as (
    select * from {{ ref('stg_ops__journal_entries') }}
),

{% if is_built_in_full('marts', 'fct_journal_lines') -%}
days as (
    select accounting_date as day from entries
),
{%- else -%}
days as (
    select partition_date as day from {{ from_source('raw', 'touched') }} where feed = 'ops.journal_entries'
),
{%- endif %}

int_journal_changed_days as (
    select distinct cast(day as date) as day from days
)

select * from int_journal_changed_days
