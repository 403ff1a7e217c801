with

placements as (
    select
        *,
        lead(placed_date) over (
            partition by source_code, loan_id order by placed_date asc nulls last, placement_id asc nulls last
        ) as next_placed_date
    from {{ ref('stg_feeds__placements') }}
),

-- a loan is with one agency at a time: a later placement ends the one before it
int_custody_periods as (
    select
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(agency_code as varchar) as agency_code,
        cast(placement_id as varchar) as placement_id,
        cast(placed_date as date) as from_date,
        cast(
            least(coalesce(recalled_date, date '9999-12-31'), coalesce(next_placed_date, date '9999-12-31')) as date
        ) as to_date
    from placements
)

select * from int_custody_periods
where to_date > from_date
