-- Days that are not over would pull sums such as steps down.
select
    user_id,
    cast(date_trunc('month', day) as date) as month,
    figure,
    {{ fitting('avg(value)', 'numeric(10,2)') }} as mean,
    cast(min(value) as numeric(10, 2)) as lowest,
    cast(max(value) as numeric(10, 2)) as highest,
    cast(count(*) as integer) as days
from {{ ref('figures') }}
where is_complete is not false
group by user_id, date_trunc('month', day), figure
