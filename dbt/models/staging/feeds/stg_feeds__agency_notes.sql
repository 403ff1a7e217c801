with

versions as (
    {{ earliest_by(
        "(select * from " ~ from_source('raw', 'notes') ~ " where source_code like 'AG-%')", ['source_code', 'note_id'],
        ['loan_id', 'collector_id', 'agency_code', 'written_at', 'kind', 'outcome', 'text']
    ) }}
),

stg_feeds__agency_notes as (
    select
        cast(source_code as varchar) as source_code,
        cast(note_id as varchar) as note_id,
        cast(loan_id as varchar) as loan_id,
        cast(collector_id as varchar) as collector_id,
        cast(agency_code as varchar) as agency_code,
        cast(written_at as timestamp) as written_at,
        cast(kind as varchar) as kind,
        cast(outcome as varchar) as outcome,
        cast({{ mask_numbers('text') }} as varchar) as note,
        {{ business_date('written_at') }} as business_date
    from versions
    where version_rank = 1
)

select * from stg_feeds__agency_notes
