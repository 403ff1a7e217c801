with

-- within a day of a source a loan is sent once; where it is not, contents must be ranked
int_loan_repeated_days as (
    select
        cast(source_code as varchar) as source_code,
        cast(as_of_date as date) as as_of_date
    from {{ ref('stg_feeds__loans') }}
    {% if not is_built_in_full('intermediate', 'int_loan_days') %}
    where as_of_date >= {{ changed_from(['loans']) }}
    {% endif %}
    group by source_code, as_of_date
    having count(*) <> count(distinct loan_id)
)

select * from int_loan_repeated_days
