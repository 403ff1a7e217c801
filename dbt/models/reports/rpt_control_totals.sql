{% set changed = replace_partitions('business_date', days_in='int_feed_changed_days') %}
{%- set feeds = [
    {'name': 'loans', 'day': 'as_of_date', 'part': 'status', 'amounts': ['outstanding_principal', 'outstanding_interest', 'outstanding_fees', 'outstanding_penalty']},
    {'name': 'loan_totals', 'day': 'as_of_date', 'part': "''", 'amounts': ['paid_principal', 'paid_interest', 'paid_fees', 'paid_late_fees', 'recoveries', 'collection_fee']},
    {'name': 'repayments', 'day': 'value_date', 'part': 'kind', 'amounts': ['amount', 'principal', 'interest', 'fees', 'penalty']},
    {'name': 'bank_lines', 'day': 'value_date', 'part': 'direction', 'amounts': ['amount']},
    {'name': 'standing_orders', 'day': 'file_date', 'part': 'kind', 'amounts': ['amount']},
    {'name': 'contact_summaries', 'day': 'file_date', 'part': 'outcome', 'amounts': [], 'counts': ['attempts']},
] -%}

with

{% for feed in feeds -%}
{{ feed.name }} as (
    select
        source_code, '{{ feed.name }}' as feed, {{ feed.day }} as business_date,
        cast({{ feed.part }} as varchar) as part,
        {% if feed.amounts %}currency{% else %}cast('' as varchar){% endif %} as currency,
        count(*) as rows
        {%- for name in feed.amounts %},
        sum({{ from_minor(name ~ '_minor', 'currency') }}) as {{ name }}
        {%- endfor %}
        {%- for name in feed.get('counts', []) %},
        sum({{ name }}) as {{ name }}
        {%- endfor %}
    from {{ from_source('raw', feed.name) }}
    where {{ feed.day }} is not null and {{ changed | replace('business_date', feed.day) }}
    group by source_code, {{ feed.day }}{% if feed.part != "''" %}, {{ feed.part }}{% endif %}{% if feed.amounts %}, currency{% endif %}
),

{% endfor -%}
measured as (
{%- for feed in feeds %}{% set outer = loop %}
    {%- for name in feed.amounts + feed.get('counts', []) %}
    select source_code, feed, business_date, part, currency, rows, '{{ name }}' as measure, {{ name }} as total
    from {{ feed.name }}
    {{ 'union all' if not (outer.last and loop.last) }}
    {%- endfor %}
{%- endfor %}
),

rpt_control_totals as (
    select
        cast(source_code as varchar) as source_code,
        cast(feed as varchar) as feed,
        cast(coalesce(part, '') as varchar) as part,
        cast(currency as varchar) as currency,
        cast(measure as varchar) as measure,
        cast(rows as bigint) as rows,
        cast(coalesce(total, 0) as decimal(18, 2)) as total,
        cast(business_date as date) as business_date
    from measured
)

select * from rpt_control_totals
