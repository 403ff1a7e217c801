with

placements as (
    select * from {{ ref('stg_ops__placements') }}
),

-- a placement that the feed tells too was taken over: it is history, and no act of this house
taken_over as (
    select distinct placements.placement_id
    from placements
    inner join {{ ref('stg_feeds__placements') }} as told
        on told.source_code = placements.source_code and told.loan_id = placements.loan_id
        and told.agency_code = placements.agency_code and told.placed_date <= placements.placed_date
        and coalesce(told.recalled_date, placements.placed_date) >= placements.placed_date
),

acts as (
    select placements.source_code, placements.loan_id, placements.placed_date as day,
        taken_over.placement_id is null as is_own
    from placements
    left join taken_over on taken_over.placement_id = placements.placement_id
    union all
    select source_code, loan_id, assigned_date as day, true as is_own from {{ ref('stg_ops__assignments') }}
),

int_first_acts as (
    select
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(min(day) as date) as known_from,
        cast(min(case when is_own then day end) as date) as own_from
    from acts
    group by source_code, loan_id
)

select * from int_first_acts
