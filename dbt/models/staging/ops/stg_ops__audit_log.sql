with

audit_log as (
    select * from {{ from_source('ops', 'audit_log') }}
),

stg_ops__audit_log as (
    select
        cast(seq as bigint) as seq,
        cast(occurred_at as timestamp) as occurred_at,
        {{ business_date('occurred_at') }} as business_date,
        cast(actor_id as varchar) as actor_id,
        cast(actor_name as varchar) as actor_name,
        cast(role_code as varchar) as role_code,
        cast(agency_code as varchar) as agency_code,
        cast(action as varchar) as action,
        cast(object_type as varchar) as object_type,
        cast(object_id as varchar) as object_id,
        cast(reason as varchar) as reason,
        cast(row_hash as varchar) as row_hash
    from audit_log
)

select * from stg_ops__audit_log
