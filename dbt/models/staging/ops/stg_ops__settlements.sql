with

copied as (
    select * from {{ from_source('ops', 'settlements') }}
),

stg_ops__settlements as (
    select
        cast(settlement_id as varchar) as settlement_id,
        cast(number as varchar) as number,
        cast(agency_code as varchar) as agency_code,
        cast(currency as varchar) as currency,
        cast(first_date as date) as first_date,
        cast(end_date as date) as end_date,
        cast(previous_id as varchar) as previous_id,
        cast(contract_id as varchar) as contract_id,
        cast(state as varchar) as state,
        cast(content_hash as varchar) as content_hash,
        cast(invoice_number as varchar) as invoice_number,
        cast(fees_minor as bigint) as fees_minor,
        cast(carried_in_minor as bigint) as carried_in_minor,
        cast(net_minor as bigint) as net_minor,
        cast(tax_minor as bigint) as tax_minor,
        cast(gross_minor as bigint) as gross_minor,
        cast(held_minor as bigint) as held_minor,
        cast(due_minor as bigint) as due_minor,
        cast(carried_out_minor as bigint) as carried_out_minor,
        cast(receivable_minor as bigint) as receivable_minor,
        cast(invoice_minor as bigint) as invoice_minor,
        cast(carried_since as date) as carried_since,
        cast(made_at as timestamp) as made_at,
        cast(locked_at as timestamp) as locked_at,
        cast(paid_at as timestamp) as paid_at
    from copied
)

select * from stg_ops__settlements
