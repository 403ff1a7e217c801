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

-- what an agency brought back names its loan only: the case is the one that the agency had on that day
brought as (
    select
        calls.source_code,
        calls.call_id,
        placements.source_code as case_source_code,
        placements.case_id,
        placements.placement_id,
        row_number() over (
            partition by calls.source_code, calls.call_id
            order by placements.placed_at desc nulls last, placements.placement_id asc nulls last
        ) as nth_from_last
    from calls
    inner join {{ ref('stg_ops__placements') }} as placements
        on placements.agency_code = calls.agency_code and placements.loan_id = calls.loan_id
        and calls.business_date >= placements.placed_date and calls.business_date <= placements.last_date
    where calls.source_code like 'AG-%'
),

tied as (
    select
        calls.*,
        coalesce(brought.case_source_code, calls.source_code) as case_source_code,
        brought.case_id as brought_case_id,
        brought.placement_id
    from calls
    left join brought
        on brought.source_code = calls.source_code and brought.call_id = calls.call_id and brought.nth_from_last = 1
),

outcomes as (
    select * from {{ ref('call_outcomes') }}
),

fct_contact_attempts as (
    select
        cast({{ key_of(['tied.source_code', 'tied.call_id']) }} as varchar) as attempt_id,
        -- an agency's own call is of the lender whose case it is, where figures are by lender
        cast(tied.case_source_code as varchar) as source_code,
        cast(tied.call_id as varchar) as call_id,
        cast(cases.case_id as varchar) as case_id,
        cast(tied.placement_id as varchar) as placement_id,
        cast(tied.loan_id as varchar) as loan_id,
        cast(tied.collector_id as varchar) as collector_id,
        cast(tied.agency_code as varchar) as agency_code,
        cast(tied.channel as varchar) as channel,
        cast(tied.direction as varchar) as direction,
        cast(tied.started_at as timestamp) as started_at,
        cast(tied.hour_local as integer) as hour_local,
        -- an outcome that nobody mapped proves nothing but that the line was picked up
        cast(coalesce(outcomes.answered, tied.answered_at is not null or tied.talk_seconds > 0, false) as boolean) as answered,
        cast(coalesce(outcomes.connected, false) as boolean) as connected,
        cast(coalesce(outcomes.right_party, false) as boolean) as right_party,
        cast(coalesce(outcomes.promised, false) as boolean) as promised,
        cast(coalesce(tied.talk_seconds, 0) as bigint) as talk_seconds,
        cast(tied.outcome as varchar) as outcome,
        cast('unchecked' as varchar) as verdict,
        -- the state of the morning: the last snapshot before the day of the attempt
        cast(
            case when cases.case_id is not null then coalesce(case_days.bucket, cases.opened_bucket) end as varchar
        ) as bucket,
        cast(tied.business_date as date) as business_date
    from tied
    left join outcomes on outcomes.outcome = tied.outcome
    left join {{ ref('dim_cases') }} as cases
        on cases.source_code = tied.case_source_code and cases.loan_id = tied.loan_id
        and cases.case_id = coalesce(tied.brought_case_id, cases.case_id)
        and tied.business_date >= cases.opened_date
        and tied.business_date <= coalesce(cases.closed_date, date '9999-12-31')
    left join {{ ref('int_source_days') }} as source_days
        on source_days.source_code = tied.case_source_code
        and source_days.as_of_date < tied.business_date
        and tied.business_date <= coalesce(source_days.next_date, date '9999-12-31')
    left join {{ ref('fct_case_days') }} as case_days
        on case_days.case_id = cases.case_id and case_days.business_date = source_days.as_of_date
)

select * from fct_contact_attempts
