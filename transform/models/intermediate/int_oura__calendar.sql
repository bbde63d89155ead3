-- Every day from the founding of Oura to tomorrow, for questions by metric.
select cast(calendar.day as date) as day
from
    generate_series(
        cast('2013-01-01' as date), current_date + 1, interval '1 day'
    ) as calendar (day)
