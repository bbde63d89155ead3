{# No two counted rows of one user overlap in time. #}
{% test no_overlap(model, begin, end, counted) %}
    select ordered.*
    from (
        select
            *,
            lag({{ end }}) over (
                partition by user_id
                order by {{ begin }}, {{ end }}
            ) as previous_end
        from {{ model }}
        where {{ counted }}
    ) as ordered
    where {{ begin }} < previous_end
{% endtest %}
