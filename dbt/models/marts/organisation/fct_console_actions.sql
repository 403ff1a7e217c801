with

fct_console_actions as (
    select
        cast(seq as bigint) as seq,
        cast(occurred_at as timestamp) as occurred_at,
        cast(business_date as date) as business_date,
        cast(actor_id as varchar) as actor_id,
        cast(actor_name as varchar) as actor_name,
        cast(role_code as varchar) as role_code,
        cast(agency_code as varchar) as agency_code,
        cast(action as varchar) as action,
        cast(object_type as varchar) as object_type,
        cast(object_id as varchar) as object_id,
        cast(reason as varchar) as reason,
        cast(row_hash as varchar) as row_hash
    from {{ ref('stg_ops__audit_log') }}
)

select * from fct_console_actions
