with

repayments as (
    select * from {{ ref('stg_feeds__repayments') }}
),

reversing as (
    select source_code, payment_id, reverses_payment_id from repayments where reverses_payment_id is not null
),

-- all versions of the payments on either side, so that the first to arrive is known
sides as (
    select source_code, payment_id from reversing
    union
    select source_code, reverses_payment_id from reversing
),

versions as (
    select repayments.*
    from repayments
    inner join sides on sides.source_code = repayments.source_code and sides.payment_id = repayments.payment_id
),

ranked as (
    {{ earliest_by('versions', ['source_code', 'payment_id'], ['kind', 'reverses_payment_id', 'value_date']) }}
),

counting as (
    select * from ranked where version_rank = 1
),

int_reversals as (
    select
        cast(taking.source_code as varchar) as source_code,
        cast(taking.payment_id as varchar) as payment_id,
        cast(taking.kind as varchar) as kind,
        cast(taking.reverses_payment_id as varchar) as reverses_payment_id,
        cast(taking.value_date as date) as value_date,
        cast(original.value_date as date) as original_value_date
    from counting as taking
    left join counting as original
        on original.source_code = taking.source_code and original.payment_id = taking.reverses_payment_id
    where taking.reverses_payment_id is not null
)

select * from int_reversals
