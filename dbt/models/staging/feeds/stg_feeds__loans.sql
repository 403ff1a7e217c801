with

loans as (
    select * from {{ from_source('raw', 'loans') }}
),

measured as (
    select
        *,
        coalesce(outstanding_principal_minor, 0) + coalesce(outstanding_interest_minor, 0)
        + coalesce(outstanding_fees_minor, 0) + coalesce(outstanding_penalty_minor, 0) as balance_minor,
        -- a balance the sender never told is no proof that nothing is owed
        coalesce(outstanding_principal_minor, outstanding_interest_minor, outstanding_fees_minor, outstanding_penalty_minor)
            is not null
        and coalesce(imputed_columns, '') not like '%outstanding_principal%' as is_balance_known
    from loans
),

stg_feeds__loans as (
    select
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(as_of_date as date) as as_of_date,
        cast(customer_id as varchar) as customer_id,
        cast(lender_code as varchar) as lender_code,
        cast(coalesce(product_code, 'unknown') as varchar) as product_code,
        cast(coalesce(region_code, 'unknown') as varchar) as region_code,
        cast(currency as varchar) as currency,
        cast(originated_date as date) as originated_date,
        cast(original_principal_minor as bigint) as original_principal_minor,
        cast(coalesce(outstanding_principal_minor, 0) as bigint) as principal_minor,
        cast(coalesce(outstanding_interest_minor, 0) as bigint) as interest_minor,
        cast(coalesce(outstanding_fees_minor, 0) as bigint) as fees_minor,
        cast(coalesce(outstanding_penalty_minor, 0) as bigint) as penalty_minor,
        cast(balance_minor as bigint) as balance_minor,
        cast(coalesce(days_past_due, 0) as integer) as dpd,
        cast(status as varchar) as status,
        -- in collection: overdue with something owed; written off stays in its spell; settled, sold and cancelled left
        cast(
            coalesce(
                status = 'written_off'
                or (
                    status not in ('settled', 'sold', 'cancelled')
                    and (days_past_due > 0 or status = 'overdue')
                    and (balance_minor > 0 or not is_balance_known)
                ),
                false
            ) as boolean
        ) as is_in_collection,
        cast(status = 'settled' or (is_balance_known and balance_minor = 0) as boolean) as is_paid,
        cast(file_date as date) as file_date,
        cast(file_id as varchar) as file_id,
        cast(line_no as bigint) as line_no
    from measured
)

select * from stg_feeds__loans
