-- What stands in the register of a case and component is what the journal has on the account of written-off claims.
with

journal as (
    select case_id, component, sum(signed_amount) as balance
    from {{ ref('fct_journal_lines') }}
    where account_code = 'written_off_claims'
    group by case_id, component
),

register as (
    select case_id, component, remaining_amount from {{ ref('rpt_write_off_ledger') }}
    where is_standing
)

select register.case_id, register.component
from register
left join journal on journal.case_id = register.case_id and journal.component = register.component
where register.remaining_amount <> coalesce(journal.balance, 0)
