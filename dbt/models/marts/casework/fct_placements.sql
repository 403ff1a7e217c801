with

placements as (
    select * from {{ ref('stg_ops__placements') }}
),

-- the batch that placed a case is the last of that agency that was asked for by then
batches as (
    select
        placements.placement_id,
        batches.batch_id,
        row_number() over (
            partition by placements.placement_id
            order by batches.made_at desc nulls last, batches.batch_id asc nulls last
        ) as nth_from_last
    from placements
    inner join {{ ref('stg_ops__placed_batches') }} as batches
        on batches.case_id = placements.case_id and batches.agency_code = placements.agency_code
        and batches.made_at <= placements.placed_at
),

notices as (
    select
        *,
        row_number() over (
            partition by placement_id order by given_at desc nulls last, notice_id asc nulls last
        ) as nth_from_last
    from {{ ref('stg_ops__recall_notices') }}
    where coalesce(end_kind, 'recalled') <> 'withdrawn'
),

fct_placements as (
    select
        cast(placements.placement_id as varchar) as placement_id,
        cast(placements.case_id as varchar) as case_id,
        cast(placements.source_code as varchar) as source_code,
        cast(placements.loan_id as varchar) as loan_id,
        cast(placements.nth as integer) as nth,
        cast(placements.agency_code as varchar) as agency_code,
        cast(batches.batch_id as varchar) as batch_id,
        cast(placements.placed_at as timestamp) as placed_at,
        cast(placements.due_at as timestamp) as due_at,
        cast(notices.given_at as timestamp) as recall_given_at,
        cast(notices.effective_at as timestamp) as recall_effective_at,
        cast(notices.because as varchar) as recall_because,
        cast(placements.ended_at as timestamp) as ended_at,
        cast(placements.ended_date as date) as ended_date,
        cast(placements.end_reason as varchar) as end_reason,
        {{ from_minor('placements.placed_balance_minor', 'placements.currency') }} as placed_balance,
        {{ from_minor('placements.ended_balance_minor', 'placements.currency') }} as ended_balance,
        cast(placements.currency as varchar) as currency,
        cast(placements.tail_until_date as date) as tail_until_date,
        cast(placements.placed_date as date) as business_date
    from placements
    left join batches on batches.placement_id = placements.placement_id and batches.nth_from_last = 1
    left join notices on notices.placement_id = placements.placement_id and notices.nth_from_last = 1
)

select * from fct_placements
