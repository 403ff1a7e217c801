with

assignments as (
    {{ latest_by(
        from_source('raw', 'assignments'), ['source_code', 'assignment_id'],
        ['loan_id', 'collector_id', 'agency_code', 'assigned_at', 'ended_at']
    ) }}
),

stg_feeds__assignments as (
    select
        cast(source_code as varchar) as source_code,
        cast(assignment_id as varchar) as assignment_id,
        cast(loan_id as varchar) as loan_id,
        cast(collector_id as varchar) as collector_id,
        cast(agency_code as varchar) as agency_code,
        cast(assigned_at as timestamp) as assigned_at,
        cast(ended_at as timestamp) as ended_at
    from assignments
    where version_rank = 1
)

select * from stg_feeds__assignments
