with

files as (
    select * from {{ ref('stg_feeds__files') }}
    where file_date <= {{ build_day() }}
),

feeds as (
    select source_code, feed, min(file_date) as first_date from files group by source_code, feed
),

-- a source is followed from its first file to its last, and on the days before this build
sources as (
    select source_code, min(file_date) as first_date, max(file_date) as last_date from files group by source_code
),

expected as (
    select distinct source_code, feed from {{ from_source('raw', 'expected_feeds') }}
),

followed as (
    select source_code, feed from feeds
    union
    select expected.source_code, expected.feed from expected inner join sources on sources.source_code = expected.source_code
),

spine as (
    select dates.date_day as business_date, followed.source_code, followed.feed
    from followed
    inner join sources on sources.source_code = followed.source_code
    inner join {{ ref('dim_dates') }} as dates
        on dates.date_day >= sources.first_date and dates.date_day <= {{ build_day() }}
        and (dates.date_day <= sources.last_date or dates.date_day >= cast({{ build_day() }} - interval '31' day as date))
),

arrived as (
    select
        source_code, feed, file_date as business_date, count(*) as files,
        sum(rows_in) as rows_in, sum(rows_accepted) as rows_accepted, sum(rows_quarantined) as rows_quarantined,
        sum(case when state = 'refused' then 1 else 0 end) as refused_files,
        max(case when state = 'accepted' then file_date end) as accepted_date
    from files
    group by source_code, feed, file_date
),

waiting as (
    select source_code, feed, file_date as business_date, count(*) as open_quarantine
    from {{ ref('stg_feeds__quarantine') }}
    where is_primary and state = 'open'
    group by source_code, feed, file_date
),

breaks as (
    select source_code, count(*) as open_breaks
    from {{ ref('stg_ops__breaks') }}
    where state = 'open'
    group by source_code
),

followed_days as (
    select
        spine.*,
        arrived.files,
        arrived.rows_in,
        arrived.rows_accepted,
        arrived.rows_quarantined,
        arrived.refused_files,
        arrived.accepted_date,
        max(arrived.accepted_date) over (
            partition by spine.source_code, spine.feed order by spine.business_date asc nulls last
            rows between unbounded preceding and current row
        ) as last_file_date
    from spine
    left join arrived
        on arrived.source_code = spine.source_code and arrived.feed = spine.feed
        and arrived.business_date = spine.business_date
),

rpt_data_health as (
    select
        cast(days.business_date as date) as business_date,
        cast(days.feed as varchar) as feed,
        cast(days.source_code as varchar) as source_code,
        cast(coalesce(days.files, 0) as bigint) as files,
        cast(coalesce(days.rows_in, 0) as bigint) as rows_in,
        cast(coalesce(days.rows_accepted, 0) as bigint) as rows_accepted,
        cast(coalesce(days.rows_quarantined, 0) as bigint) as rows_quarantined,
        {{ rate('days.rows_quarantined', 'days.rows_in') }} as refused_share,
        cast(coalesce(days.refused_files, 0) as bigint) as refused_files,
        cast(days.last_file_date as date) as last_file_date,
        cast({{ dbt.datediff('days.last_file_date', 'days.business_date', 'day') }} as integer) as days_late,
        cast(expected.feed is not null and days.accepted_date is null as boolean) as is_missing,
        cast(
            case when days.business_date = {{ build_day() }} and days.feed = 'repayments' then coalesce(breaks.open_breaks, 0) else 0 end
            as bigint
        ) as open_breaks,
        cast(coalesce(waiting.open_quarantine, 0) as bigint) as open_quarantine
    from followed_days as days
    left join expected on expected.source_code = days.source_code and expected.feed = days.feed
    left join waiting
        on waiting.source_code = days.source_code and waiting.feed = days.feed
        and waiting.business_date = days.business_date
    left join breaks on breaks.source_code = days.source_code
)

select * from rpt_data_health
