with

notices as (
    select * from {{ from_source('ops', 'recall_notices') }}
),

stg_ops__recall_notices as (
    select
        cast(notice_id as varchar) as notice_id,
        cast(placement_id as varchar) as placement_id,
        cast(because as varchar) as because,
        cast(given_at as timestamp) as given_at,
        cast(effective_at as timestamp) as effective_at,
        cast(ended_at as timestamp) as ended_at,
        cast(end_kind as varchar) as end_kind
    from notices
)

select * from stg_ops__recall_notices
