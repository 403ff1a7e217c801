-- Spells of one loan follow each other: the next opens after the one before has closed, numbers without a gap.
select source_code, loan_id, spell_no
from (
    select
        *,
        lag(closed_date) over (partition by source_code, loan_id order by spell_no asc nulls last) as closed_before,
        row_number() over (partition by source_code, loan_id order by spell_no asc nulls last) as place
    from {{ ref('dim_cases') }} as cases
    where exists (
        select 1 from {{ ref('dim_cases') }} as moved
        where moved.source_code = cases.source_code and moved.loan_id = cases.loan_id
            and (moved.opened_date >= {{ earliest_change() }} or moved.closed_date >= {{ earliest_change() }})
    )
) as spells
where place <> spell_no
    or (spell_no > 1 and (closed_before is null or closed_before >= opened_date))
    or closed_date <= opened_date
