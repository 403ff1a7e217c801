with

lines as (
    select * from {{ ref('stg_ops__commission_lines') }}
),

settlements as (
    select * from {{ ref('stg_ops__settlements') }}
),

contracts as (
    select * from {{ ref('stg_ops__commission_contracts') }}
),

placements as (
    select * from {{ ref('stg_ops__placements') }}
),

-- of several disputes of a line the last one counts
disputes as (
    select
        *,
        row_number() over (partition by line_id order by nth desc nulls last) as rank_of_dispute
    from {{ ref('stg_ops__commission_disputes') }}
),

fct_commission_lines as (
    select
        cast(lines.line_id as varchar) as line_id,
        cast(lines.kind as varchar) as kind,
        cast(lines.agency_code as varchar) as agency_code,
        cast(lines.settlement_id as varchar) as settlement_id,
        cast(settlements.number as varchar) as settlement_number,
        cast(settlements.state as varchar) as settlement_state,
        cast(settlements.first_date as date) as period_first_date,
        cast(settlements.end_date as date) as period_end_date,
        cast(lines.line_no as integer) as line_no,
        cast(lines.contract_id as varchar) as contract_id,
        cast(contracts.version_no as integer) as contract_version,
        cast(lines.payment_event_id as varchar) as payment_event_id,
        cast(lines.nth as integer) as change_no,
        cast(lines.original_line_id as varchar) as original_line_id,
        cast(lines.source_code as varchar) as source_code,
        cast(lines.payment_id as varchar) as payment_id,
        cast(lines.loan_id as varchar) as loan_id,
        cast(lines.case_id as varchar) as case_id,
        cast(lines.placement_id as varchar) as placement_id,
        cast(placements.placed_date as date) as owned_from_date,
        cast(placements.until_date as date) as owned_until_date,
        cast(placements.tail_until_date as date) as tail_until_date,
        cast(lines.placement_nth as integer) as placement_no,
        cast(lines.age_days as integer) as age_days,
        cast(lines.bucket as varchar) as bucket,
        cast(lines.tier as varchar) as tier,
        cast(cast(lines.rate_ppm as decimal(18, 0)) * cast(0.000001 as decimal(7, 6)) as decimal(18,8)) as rate,
        cast(lines.paid_to as varchar) as paid_to,
        {{ from_minor('lines.base_minor', 'lines.currency') }} as base_amount,
        {{ from_minor('lines.full_minor', 'lines.currency') }} as full_fee,
        {{ from_minor('lines.cut_minor', 'lines.currency') }} as cut_by_cap,
        {{ from_minor('lines.fee_minor', 'lines.currency') }} as fee,
        {{ from_minor('lines.room_minor', 'lines.currency') }} as room_under_cap,
        cast(lines.currency as varchar) as currency,
        cast(disputes.state as varchar) as dispute_state,
        cast(lines.made_at as timestamp) as made_at,
        cast(lines.value_date as date) as value_date
    from lines
    left join settlements on settlements.settlement_id = lines.settlement_id
    left join contracts on contracts.contract_id = lines.contract_id
    left join placements on placements.placement_id = lines.placement_id
    left join disputes on disputes.line_id = lines.line_id and disputes.rank_of_dispute = 1
)

select * from fct_commission_lines
