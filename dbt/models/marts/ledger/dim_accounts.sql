with

dim_accounts as (
    select
        cast(account_code as varchar) as account_code,
        cast(account_number as varchar) as account_number,
        cast(kind as varchar) as kind,
        cast(component as varchar) as component,
        cast(is_sub_ledger as boolean) as is_sub_ledger,
        cast(name_zh as varchar) as name_zh,
        cast(name_en as varchar) as name_en
    from {{ ref('accounts') }}
)

select * from dim_accounts
