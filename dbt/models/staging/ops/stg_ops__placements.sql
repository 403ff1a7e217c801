with

placements as (
    select
        *,
        -- access ends when it was due, whether or not a run has brought the case home by then
        least(coalesce(ended_at, due_at), due_at) as until_at
    from {{ from_source('ops', 'placements') }}
),

stg_ops__placements as (
    select
        cast(placement_id as varchar) as placement_id,
        cast(case_id as varchar) as case_id,
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(nth as integer) as nth,
        cast(agency_code as varchar) as agency_code,
        cast(placed_at as timestamp) as placed_at,
        cast(due_at as timestamp) as due_at,
        cast(ended_at as timestamp) as ended_at,
        cast(end_reason as varchar) as end_reason,
        cast(placed_balance_minor as bigint) as placed_balance_minor,
        cast(ended_balance_minor as bigint) as ended_balance_minor,
        cast(currency as varchar) as currency,
        cast(tail_until_date as date) as tail_until_date,
        {{ business_date('placed_at') }} as placed_date,
        {{ business_date('ended_at') }} as ended_date,
        -- the first day on whose close it is not the agency's any more; a loan that is paid off or cured leaves it with
        -- the close of its last day, the payments of which are still the agency's
        cast(
            case
                when end_reason = 'closed' and until_at > placed_at then {{ business_date('until_at') }} + interval '1' day
                else {{ business_date('until_at') }}
            end as date
        ) as until_date,
        -- the last day of which any part was the agency's: until then what it sends of the case is taken
        {{ business_date('until_at') }} as last_date
    from placements
)

select * from stg_ops__placements
