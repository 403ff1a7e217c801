-- No day in collection is lost between the snapshots and the facts.
select days.as_of_date, count(*) as in_collection, max(coalesce(facts.found, 0)) as found
from {{ ref('int_loan_days') }} as days
left join (
    select business_date, count(*) as found from {{ ref('fct_case_days') }} group by business_date
) as facts on facts.business_date = days.as_of_date
where days.is_in_collection and days.as_of_date >= {{ earliest_change() }}
group by days.as_of_date
having count(*) <> max(coalesce(facts.found, 0))
