{#
The key occurs once and has no null but where a column may be null. Of an incremental model only the partitions that
this build recomputed are read: the others were tested when they were built. A full refresh reads all.
#}
{% test one_row_per(model, columns, partition=none, nullable=[]) %}
select {{ columns | join(', ') }}, count(*) as found
from {{ model }}
{% if partition and not flags.FULL_REFRESH %}
where {{ partition }} >= {{ earliest_change() }}
{% endif %}
group by {{ columns | join(', ') }}
having count(*) > 1{% for column in columns if column not in nullable %} or {{ column }} is null{% endfor %}
{% endtest %}
