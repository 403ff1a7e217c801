with

dim_products as (
    {{ codes_with_names('products', 'product_code', 'int_loans') }}
)

select * from dim_products
