with

repeated as (
    {{ repeated_keys(
        ref('stg_feeds__repayments'), 'payment_id', 'value_date', 'int_repayment_changed_days', 'fct_repayments'
    ) }}
),

int_repeated_payments as (
    select cast(source_code as varchar) as source_code, cast(payment_id as varchar) as payment_id
    from repeated
)

select * from int_repeated_payments
