{% set changed = replace_partitions('business_date', days_in='int_call_changed_days') %}
{% set recent = not_before('started_at', days_in='int_call_changed_days') if is_incremental() else '' %}

with

versions as (
    {{ ranked_versions(
        ref('stg_feeds__calls'), ['source_code', 'call_id'],
        [
            'loan_id', 'collector_id', 'agency_code', 'channel', 'direction', 'started_at', 'answered_at',
            'talk_seconds', 'outcome', 'business_date', 'hour_local'
        ],
        repeated=ref('int_repeated_calls'), repeated_by=['source_code', 'call_id'], direction='asc',
        where=changed ~ recent
    ) }}
),

calls as (
    select * from versions where version_rank = 1 and {{ changed }}
),

outcomes as (
    select * from {{ ref('call_outcomes') }}
),

fct_contact_attempts as (
    select
        cast({{ key_of(['calls.source_code', 'calls.call_id']) }} as varchar) as attempt_id,
        cast(calls.source_code as varchar) as source_code,
        cast(calls.call_id as varchar) as call_id,
        cast(cases.case_id as varchar) as case_id,
        cast(calls.loan_id as varchar) as loan_id,
        cast(calls.collector_id as varchar) as collector_id,
        cast(calls.agency_code as varchar) as agency_code,
        cast(calls.channel as varchar) as channel,
        cast(calls.direction as varchar) as direction,
        cast(calls.started_at as timestamp) as started_at,
        cast(calls.hour_local as integer) as hour_local,
        -- an outcome that nobody mapped proves nothing but that the line was picked up
        cast(coalesce(outcomes.answered, calls.answered_at is not null or calls.talk_seconds > 0, false) as boolean) as answered,
        cast(coalesce(outcomes.connected, false) as boolean) as connected,
        cast(coalesce(outcomes.right_party, false) as boolean) as right_party,
        cast(coalesce(outcomes.promised, false) as boolean) as promised,
        cast(coalesce(calls.talk_seconds, 0) as bigint) as talk_seconds,
        cast(calls.outcome as varchar) as outcome,
        cast('unchecked' as varchar) as verdict,
        -- the state of the morning: the last snapshot before the day of the attempt
        cast(
            case when cases.case_id is not null then coalesce(case_days.bucket, cases.opened_bucket) end as varchar
        ) as bucket,
        cast(calls.business_date as date) as business_date
    from calls
    left join outcomes on outcomes.outcome = calls.outcome
    left join {{ ref('dim_cases') }} as cases
        on cases.source_code = calls.source_code and cases.loan_id = calls.loan_id
        and calls.business_date >= cases.opened_date
        and calls.business_date <= coalesce(cases.closed_date, date '9999-12-31')
    left join {{ ref('int_source_days') }} as source_days
        on source_days.source_code = calls.source_code
        and source_days.as_of_date < calls.business_date
        and calls.business_date <= coalesce(source_days.next_date, date '9999-12-31')
    left join {{ ref('fct_case_days') }} as case_days
        on case_days.case_id = cases.case_id and case_days.business_date = source_days.as_of_date
)

select * from fct_contact_attempts
