with

days as (
    select source_code, as_of_date
    from {{ ref('int_sent_days') }}
),

neighbours as (
    select
        source_code,
        as_of_date,
        {{ month_end('as_of_date') }} as month_end_date,
        lag(as_of_date) over (partition by source_code order by as_of_date asc nulls last) as previous_date,
        lead(as_of_date) over (partition by source_code order by as_of_date asc nulls last) as next_date
    from days
),

months as (
    select source_code, month_end_date, max(as_of_date) as last_date
    from neighbours
    group by source_code, month_end_date
),

int_source_days as (
    select
        cast(neighbours.source_code as varchar) as source_code,
        cast(neighbours.as_of_date as date) as as_of_date,
        cast(neighbours.previous_date as date) as previous_date,
        cast(neighbours.next_date as date) as next_date,
        cast(neighbours.month_end_date as date) as month_end_date,
        cast(neighbours.as_of_date = months.last_date as boolean) as is_last_of_month,
        -- the month is over once a later month has begun to arrive or its last day itself has
        cast(
            max(neighbours.as_of_date) over (partition by neighbours.source_code) >= neighbours.month_end_date as boolean
        ) as is_month_complete,
        cast(earlier.last_date as date) as previous_month_date
    from neighbours
    inner join months
        on months.source_code = neighbours.source_code and months.month_end_date = neighbours.month_end_date
    left join months as earlier
        on earlier.source_code = neighbours.source_code
        and earlier.month_end_date = {{ month_end(month_start('neighbours.month_end_date') ~ " - interval '1' day") }}
)

select * from int_source_days
