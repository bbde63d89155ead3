with

rest_mode_periods as (
    select * from {{ ref('rest_mode_periods') }}
)

select
    period.user_id,
    period.document_id,
    cast(item.number as integer) as episode,
    {{ local_times("(item.episode ->> 'timestamp')", 'timestamp') }},
    array(
        select
            jsonb_array_elements_text(
                {{ json_array("item.episode -> 'tags'") }}
            )
    ) as tags
from rest_mode_periods as period
cross join
    jsonb_array_elements({{ json_array('period.episodes') }})
    with ordinality as item (episode, number)
