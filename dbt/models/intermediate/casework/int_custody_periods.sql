with

told as (
    select
        *,
        lead(placed_date) over (
            partition by source_code, loan_id order by placed_date asc nulls last, placement_id asc nulls last
        ) as next_placed_date
    from {{ ref('stg_feeds__placements') }}
),

placements as (
    select * from {{ ref('stg_ops__placements') }}
),

-- the feed speaks of a loan until it is placed or assigned here; from then on the ops store does
periods as (
    select
        told.source_code,
        told.loan_id,
        told.agency_code,
        told.placement_id,
        cast(null as varchar) as case_id,
        told.placed_date as from_date,
        least(
            coalesce(told.recalled_date, date '9999-12-31'),
            coalesce(told.next_placed_date, date '9999-12-31'),
            coalesce(acts.known_from, date '9999-12-31')
        ) as to_date,
        0 as nth
    from told
    left join {{ ref('int_first_acts') }} as acts
        on acts.source_code = told.source_code and acts.loan_id = told.loan_id
    union all
    select source_code, loan_id, agency_code, placement_id, case_id, placed_date as from_date, until_date as to_date, nth
    from placements
),

-- a loan is with one agency at a time: a later placement ends the one before it
one_at_a_time as (
    select
        *,
        lead(from_date) over (
            partition by source_code, loan_id
            order by from_date asc nulls last, case when nth = 0 then 0 else 1 end asc nulls last,
                case_id asc nulls first, nth asc nulls last, placement_id asc nulls last
        ) as next_from_date
    from periods
    where to_date > from_date
),

int_custody_periods as (
    select
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(agency_code as varchar) as agency_code,
        cast(placement_id as varchar) as placement_id,
        cast(from_date as date) as from_date,
        cast(least(to_date, coalesce(next_from_date, date '9999-12-31')) as date) as to_date
    from one_at_a_time
)

select * from int_custody_periods
where to_date > from_date
