with

notes as (
    select * from {{ ref('stg_feeds__agency_notes') }}
),

-- the case that the agency had on the day of the note
held as (
    select
        notes.source_code,
        notes.note_id,
        placements.case_id,
        placements.placement_id,
        row_number() over (
            partition by notes.source_code, notes.note_id
            order by placements.placed_at desc nulls last, placements.placement_id asc nulls last
        ) as nth_from_last
    from notes
    inner join {{ ref('stg_ops__placements') }} as placements
        on placements.agency_code = notes.agency_code and placements.loan_id = notes.loan_id
        and notes.business_date >= placements.placed_date and notes.business_date <= placements.last_date
),

fct_agency_notes as (
    select
        cast({{ key_of(['notes.source_code', 'notes.note_id']) }} as varchar) as agency_note_id,
        cast(notes.note_id as varchar) as note_id,
        cast(held.case_id as varchar) as case_id,
        cast(held.placement_id as varchar) as placement_id,
        cast(notes.loan_id as varchar) as loan_id,
        cast(notes.agency_code as varchar) as agency_code,
        cast(notes.collector_id as varchar) as collector_id,
        cast(notes.kind as varchar) as kind,
        cast(notes.outcome as varchar) as outcome,
        cast(notes.note as varchar) as note,
        cast(notes.written_at as timestamp) as written_at,
        cast(notes.business_date as date) as business_date
    from notes
    left join held
        on held.source_code = notes.source_code and held.note_id = notes.note_id and held.nth_from_last = 1
)

select * from fct_agency_notes
