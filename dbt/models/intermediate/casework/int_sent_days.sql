{% set changed = replace_partitions('as_of_date', feeds=['loans']) %}

with

int_sent_days as (
    select distinct
        cast(source_code as varchar) as source_code,
        cast(as_of_date as date) as as_of_date
    from {{ ref('int_loan_days') }}
    where {{ changed }}
)

select * from int_sent_days
