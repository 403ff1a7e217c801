with

entries as (
    select * from {{ from_source('ops', 'journal_entries') }}
),

stg_ops__journal_entries as (
    select
        cast(entry_id as varchar) as entry_id,
        cast(event_id as varchar) as event_id,
        cast(reverses_entry_id as varchar) as reverses_entry_id,
        cast(because_event_id as varchar) as because_event_id,
        cast(value_date as date) as value_date,
        cast(accounting_date as date) as accounting_date,
        cast(posted_at as timestamp) as posted_at
    from entries
)

select * from stg_ops__journal_entries
