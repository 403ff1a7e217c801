-- Exits are states, so whoever stood in a bucket went somewhere (domain e-1). Eight places, at most a dozen terms.
select month_end_date, source_code, product_code, currency, from_bucket, sum(roll_rate_count) as by_count
from {{ ref('rpt_roll_rates') }}
where month_end_date >= {{ earliest_change() }}
group by month_end_date, source_code, product_code, currency, from_bucket
having abs(sum(roll_rate_count) - 1) > 0.0000001
    or abs(coalesce(sum(roll_rate_balance), 1) - 1) > 0.0000001
    or sum(cases) <> max(from_cases)
    or sum(balance_start) <> max(from_balance)
