-- By case: what requests waive in the journal, as it stands, is what agreements say is in effect, and never more than
-- was granted.
with

journal as (
    select case_id, sum(-signed_amount) as waived
    from {{ ref('fct_journal_lines') }}
    where event_kind = 'waiver' and cause = 'request' and not is_reversed and reverses_entry_id is null
        and (substr(account_code, 1, 7) = 'claims_' or account_code = 'written_off_claims')
    group by case_id
),

agreed as (
    select case_id, sum(effective_amount) as waived, sum(approved_amount) as approved
    from {{ ref('rpt_waivers') }}
    group by case_id
)

select coalesce(agreed.case_id, journal.case_id) as case_id
from agreed
full outer join journal on journal.case_id = agreed.case_id
where coalesce(agreed.waived, 0) <> coalesce(journal.waived, 0) or coalesce(agreed.waived, 0) > coalesce(agreed.approved, 0)
