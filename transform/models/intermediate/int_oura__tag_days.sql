-- Each day that a tag counts for, and the day of the night after it: nights are
-- labelled by the day on which they end, and a tag of the small hours is meant
-- for the night that is still to come or has begun.
with

tags as (
    select * from {{ ref('tags') }}
),

labelled as (
    select
        tags.user_id,
        tags.day,
        tags.end_day,
        tags.start_time_local,
        label.tag
    from tags
    cross join
        unnest(
            array_append(
                tags.tags,
                case
                    when tags.tag_type_code = 'custom' then tags.custom_name
                    else tags.tag_type_code
                end
            )
        ) as label (tag)
    where label.tag is not null
)

select distinct
    labelled.user_id,
    labelled.tag,
    cast(calendar.day as date) as day,
    cast(calendar.day as date)
    + case
        when calendar.day = labelled.day
            and extract(hour from labelled.start_time_local) < 4
            then 0
        else 1
    end as night
from labelled
cross join generate_series(
    cast(labelled.day as timestamp),
    least(coalesce(labelled.end_day, labelled.day), labelled.day + 366),
    interval '1 day'
) as calendar (day)
