with

repeated as (
    {{ repeated_keys(
        ref('stg_feeds__calls'), 'call_id', 'business_date', 'int_call_changed_days', 'fct_contact_attempts',
        moment='started_at'
    ) }}
),

int_repeated_calls as (
    select cast(source_code as varchar) as source_code, cast(call_id as varchar) as call_id
    from repeated
)

select * from int_repeated_calls
