with

lines as (
    select * from {{ from_source('ops', 'journal_lines') }}
),

stg_ops__journal_lines as (
    select
        cast(entry_id as varchar) as entry_id,
        cast(line_no as integer) as line_no,
        cast(debit_account as varchar) as debit_account,
        cast(credit_account as varchar) as credit_account,
        cast(component as varchar) as component,
        cast(amount_minor as bigint) as amount_minor,
        cast(case_id as varchar) as case_id,
        cast(source_code as varchar) as source_code,
        cast(currency as varchar) as currency,
        cast(accounting_date as date) as accounting_date
    from lines
)

select * from stg_ops__journal_lines
