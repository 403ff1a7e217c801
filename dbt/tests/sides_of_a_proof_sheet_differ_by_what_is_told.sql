-- By sheet and pair of sides: lender less side is explained and unexplained.
select business_date, book, currency, sides
from {{ ref('rpt_proof_sheets') }}
group by business_date, book, currency, sides
having sum(lender_amount) - sum(side_amount) <> sum(explained) + sum(unexplained)
