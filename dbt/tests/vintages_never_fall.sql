-- Whoever has once been 30 or 90 days late stays counted, and 90 implies 30.
select cohort_month, source_code, product_code, currency, months_on_book
from (
    select
        *,
        lag(ever_30_loans) over (
            partition by cohort_month, source_code, product_code, currency order by months_on_book asc nulls last
        ) as before_30,
        lag(ever_90_loans) over (
            partition by cohort_month, source_code, product_code, currency order by months_on_book asc nulls last
        ) as before_90
    from {{ ref('rpt_vintages') }}
) as curves
where ever_30_loans < before_30 or ever_90_loans < before_90 or ever_90_loans > ever_30_loans or ever_30_loans > loans
