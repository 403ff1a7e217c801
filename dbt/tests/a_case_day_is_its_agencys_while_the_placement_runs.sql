-- A placed case-day counts for the agency that held it at the close of that day, and for nobody else. Worked out from the
-- moments of the ops store, by another way than the facts are built.
with

days as (
    select case_id, agency_code, business_date from {{ ref('fct_case_days') }}
    where business_date >= {{ earliest_change() }}
),

known as (
    select case_id, min(business_date) as known_from from {{ ref('fct_placements') }} group by case_id
),

-- several where a placement begins on the day the one before it ends: the last one has the case at the close
running as (
    select days.case_id, days.business_date, max(placements.nth) as nth
    from days
    inner join {{ ref('fct_placements') }} as placements
        on placements.case_id = days.case_id
        and placements.business_date <= days.business_date
        and {{ business_date('placements.due_at') }} > days.business_date
        and (
            coalesce(placements.ended_date, date '9999-12-31') > days.business_date
            -- a case that a payment closed has its last day still, with the agency that brought the payment in
            or (placements.end_reason = 'closed' and placements.ended_date = days.business_date)
        )
    group by days.case_id, days.business_date
),

held as (
    select running.case_id, running.business_date, placements.agency_code
    from running
    inner join {{ ref('fct_placements') }} as placements
        on placements.case_id = running.case_id and placements.nth = running.nth
)

select days.case_id, days.business_date, days.agency_code, held.agency_code as held_by
from days
inner join known on known.case_id = days.case_id and days.business_date >= known.known_from
left join held on held.case_id = days.case_id and held.business_date = days.business_date
where coalesce(days.agency_code, '') <> coalesce(held.agency_code, '')
