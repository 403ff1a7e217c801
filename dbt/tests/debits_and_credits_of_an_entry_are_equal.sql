-- By entry and currency: what is debited is credited.
select entry_id, currency, sum(signed_amount) as difference
from {{ ref('fct_journal_lines') }}
where accounting_date >= {{ earliest_change() }}
group by entry_id, currency
having sum(signed_amount) <> 0
