with

settlements as (
    select * from {{ ref('stg_ops__settlements') }}
),

lines as (
    select
        settlement_id,
        count(*) as lines,
        sum(base_amount) as base_amount,
        sum(fee) as fees,
        sum(case when kind = 'clawback' then fee else 0 end) as clawed_back,
        sum(case when dispute_state = 'open' then 1 else 0 end) as open_disputes
    from {{ ref('fct_commission_lines') }}
    group by settlement_id
),

contracts as (
    select * from {{ ref('stg_ops__commission_contracts') }}
),

rpt_commission_settlement as (
    select
        cast(settlements.settlement_id as varchar) as settlement_id,
        cast(settlements.number as varchar) as settlement_number,
        cast(settlements.agency_code as varchar) as agency_code,
        cast(settlements.state as varchar) as state,
        cast(settlements.first_date as date) as period_first_date,
        cast(settlements.end_date as date) as period_end_date,
        cast(settlements.contract_id as varchar) as contract_id,
        cast(contracts.version_no as integer) as contract_version,
        cast(settlements.previous_id as varchar) as previous_id,
        cast(coalesce(lines.lines, 0) as bigint) as lines,
        {{ money('coalesce(lines.base_amount, 0)') }} as base_amount,
        {{ money('coalesce(lines.clawed_back, 0)') }} as clawed_back,
        {{ money('coalesce(lines.fees, 0)') }} as fees,
        {{ from_minor('settlements.carried_in_minor', 'settlements.currency') }} as carried_in,
        {{ from_minor('settlements.net_minor', 'settlements.currency') }} as net_amount,
        {{ from_minor('settlements.tax_minor', 'settlements.currency') }} as tax_amount,
        {{ from_minor('settlements.gross_minor', 'settlements.currency') }} as gross_amount,
        {{ from_minor('settlements.held_minor', 'settlements.currency') }} as held_by_agency,
        {{ from_minor('settlements.due_minor', 'settlements.currency') }} as due_amount,
        {{ from_minor('settlements.carried_out_minor', 'settlements.currency') }} as carried_out,
        {{ from_minor('settlements.receivable_minor', 'settlements.currency') }} as receivable_amount,
        cast(settlements.carried_since as date) as carried_since_date,
        cast(settlements.invoice_number as varchar) as invoice_number,
        {{ from_minor('settlements.invoice_minor', 'settlements.currency') }} as invoice_amount,
        cast(settlements.currency as varchar) as currency,
        cast(coalesce(lines.open_disputes, 0) as bigint) as open_disputes,
        cast(settlements.content_hash as varchar) as content_hash,
        cast(settlements.locked_at as timestamp) as locked_at,
        cast(settlements.paid_at as timestamp) as paid_at
    from settlements
    left join lines on lines.settlement_id = settlements.settlement_id
    left join contracts on contracts.contract_id = settlements.contract_id
)

select * from rpt_commission_settlement
