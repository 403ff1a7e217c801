{% set changed = replace_partitions('event_date', feeds=['loans']) %}
{% set changed_day = changed | replace('event_date', 'as_of_date') %}

with

-- what the days before say of each loan: its last spell, and whether that is still open
carried as (
    {% if is_incremental() %}
    select
        source_code,
        loan_id,
        max(spell_no) as spell_no,
        max(case when event = 'opened' then spell_no else 0 end)
        > max(case when event = 'closed' then spell_no else 0 end) as is_open,
        max(case when event = 'reached_30' then spell_no else 0 end) as reached_30_spell,
        max(case when event = 'reached_90' then spell_no else 0 end) as reached_90_spell,
        max(case when event = 'written_off' then spell_no else 0 end) as written_off_spell
    from {{ this }}
    where not ({{ changed }})
    group by source_code, loan_id
    {% else %}
    select
        cast(null as varchar) as source_code, cast(null as varchar) as loan_id, 0 as spell_no, false as is_open,
        0 as reached_30_spell, 0 as reached_90_spell, 0 as written_off_spell
    from {{ ref('int_source_days') }}
    where false
    {% endif %}
),

concerned as (
    select source_code, loan_id from {{ ref('int_loan_days') }} where is_in_collection and {{ changed_day }}
    union
    select source_code, loan_id from carried where is_open
),

entered as (
    select
        days.*,
        coalesce(carried.spell_no, 0) as carried_spell_no,
        coalesce(carried.reached_30_spell, 0) as reached_30_spell,
        coalesce(carried.reached_90_spell, 0) as reached_90_spell,
        coalesce(carried.written_off_spell, 0) as written_off_spell,
        coalesce(
            lag(days.is_in_collection) over (
                partition by days.source_code, days.loan_id order by days.as_of_date asc nulls last
            ),
            carried.is_open,
            false
        ) as was_in_collection
    from {{ ref('int_loan_days') }} as days
    inner join concerned
        on concerned.source_code = days.source_code and concerned.loan_id = days.loan_id
    left join carried
        on carried.source_code = days.source_code and carried.loan_id = days.loan_id
    where {{ changed_day }}
),

spells as (
    select
        *,
        carried_spell_no + sum(case when is_in_collection and not was_in_collection then 1 else 0 end) over (
            partition by source_code, loan_id order by as_of_date asc nulls last
            rows between unbounded preceding and current row
        ) as spell_no
    from entered
    where is_in_collection or was_in_collection
),

firsts as (
    select
        source_code,
        loan_id,
        spell_no,
        min(case when is_in_collection and dpd >= 30 and reached_30_spell < spell_no then as_of_date end) as date_30,
        min(case when is_in_collection and dpd >= 90 and reached_90_spell < spell_no then as_of_date end) as date_90,
        min(case when status = 'written_off' and written_off_spell < spell_no then as_of_date end) as date_written_off
    from spells
    group by source_code, loan_id, spell_no
    having max(dpd) >= 30 or max(case when status = 'written_off' then 1 else 0 end) = 1
),

milestones as (
    select source_code, loan_id, spell_no, 'reached_30' as event, date_30 as as_of_date from firsts where date_30 is not null
    union all
    select source_code, loan_id, spell_no, 'reached_90' as event, date_90 as as_of_date from firsts where date_90 is not null
    union all
    select source_code, loan_id, spell_no, 'written_off' as event, date_written_off as as_of_date
    from firsts where date_written_off is not null
),

happened as (
    select spells.*, milestones.event
    from milestones
    inner join spells
        on spells.source_code = milestones.source_code and spells.loan_id = milestones.loan_id
        and spells.spell_no = milestones.spell_no and spells.as_of_date = milestones.as_of_date
    union all
    select *, case when is_in_collection then 'opened' else 'closed' end as event
    from spells
    where is_in_collection <> was_in_collection
),

int_case_events as (
    select
        cast({{ case_id() }} as varchar) as case_id,
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(spell_no as integer) as spell_no,
        cast(event as varchar) as event,
        cast(
            case
                when event <> 'closed' then null
                when status in ('sold', 'cancelled') then status
                when is_paid then 'paid'
                else 'cured'
            end as varchar
        ) as reason,
        cast(customer_id as varchar) as customer_id,
        cast(product_code as varchar) as product_code,
        cast(region_code as varchar) as region_code,
        cast(currency as varchar) as currency,
        cast(dpd as integer) as dpd,
        cast(bucket as varchar) as bucket,
        cast(balance_minor as bigint) as balance_minor,
        cast(as_of_date as date) as event_date
    from happened
)

select * from int_case_events
