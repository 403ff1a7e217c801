with

events as (
    select * from {{ ref('stg_ops__ledger_events') }}
),

{% if is_built_in_full('marts', 'fct_repayment_applications') -%}
days as (
    select value_date as day from events
),
{%- else -%}
-- the value dates of what moved and of the payments it goes back to (pipelines/extract_appends.py)
days as (
    select partition_date as day from {{ from_source('raw', 'touched') }} where feed = 'ops.ledger_events'
),
{%- endif %}

int_application_changed_days as (
    select distinct cast(day as date) as day from days
)

select * from int_application_changed_days
