-- Balance is principal, interest, fees and penalty, to the minor unit.
select business_date, case_id
from {{ ref('fct_case_days') }}
where business_date >= {{ earliest_change() }}
    and balance <> principal + interest + fees + penalty
