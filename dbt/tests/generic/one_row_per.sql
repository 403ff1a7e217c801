{#
The key has no null and occurs once. Of an incremental model only the partitions that this build recomputed are read:
the others were tested when they were built. A full refresh reads all.
#}
{% test one_row_per(model, columns, partition=none) %}
select {{ columns | join(', ') }}, count(*) as found
from {{ model }}
{% if partition and not flags.FULL_REFRESH %}
where {{ partition }} >= {{ earliest_change() }}
{% endif %}
group by {{ columns | join(', ') }}
having count(*) > 1{% for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}
