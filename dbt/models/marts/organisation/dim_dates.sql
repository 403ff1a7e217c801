with

days as (
    {{ calendar_days('1990-01-01', '2035-12-31') }}
),

-- days on which work differs from the weekday, by the State Council's notices
exceptions as (
    select * from {{ ref('workdays') }}
),

dim_dates as (
    select
        cast(days.date_day as date) as date_day,
        cast(coalesce(exceptions.is_workday, {{ day_of_week('days.date_day') }} <= 5) as boolean) as is_workday,
        cast(exceptions.holiday_en as varchar) as holiday_en,
        {{ day_of_week('days.date_day') }} as day_of_week,
        cast(
            cast(extract(year from days.date_day) as varchar) || '-'
            || lpad(cast(extract(month from days.date_day) as varchar), 2, '0') as varchar
        ) as year_month,
        {{ month_start('days.date_day') }} as month_start_date,
        {{ month_end('days.date_day') }} as month_end_date
    from days
    left join exceptions on exceptions.date_day = days.date_day
)

select * from dim_dates
