"""What is due and paid of each instalment, in all parts, as the feed of instalments and its messages state it."""

from __future__ import annotations

MEASURED = """
    select source_code, loan_id, instalment_no, due_date, currency,
        case when status in ('waived', 'cancelled') then paid_minor else due_minor end as due_minor,
        case when status = 'paid' then due_minor else paid_minor end as paid_minor,
        as_of_date
    from (
        select source_code, loan_id, instalment_no, due_date, currency, as_of_date, status,
            greatest(0, coalesce(principal_minor, 0) + coalesce(interest_minor, 0) + coalesce(fees_minor, 0)
                + coalesce(penalty_minor, 0)) as due_minor,
            greatest(0, coalesce(paid_principal_minor, 0) + coalesce(paid_interest_minor, 0)
                + coalesce(paid_fees_minor, 0) + coalesce(paid_penalty_minor, 0)) as paid_minor
        from {stated}
    )
    order by source_code, loan_id, instalment_no
"""
"""What is waived or cancelled is due no more than was paid; what the lender calls paid is covered, split or not."""
