with

placements as (
    {{ latest_by(
        from_source('raw', 'placements'), ['source_code', 'placement_id'],
        ['loan_id', 'agency_code', 'batch', 'placed_date', 'recalled_date', 'balance_minor', 'currency']
    ) }}
),

stg_feeds__placements as (
    select
        cast(source_code as varchar) as source_code,
        cast(placement_id as varchar) as placement_id,
        cast(loan_id as varchar) as loan_id,
        cast(agency_code as varchar) as agency_code,
        cast(batch as varchar) as batch,
        cast(placed_date as date) as placed_date,
        cast(recalled_date as date) as recalled_date,
        cast(balance_minor as bigint) as balance_minor,
        cast(currency as varchar) as currency
    from placements
    where version_rank = 1
)

select * from stg_feeds__placements
