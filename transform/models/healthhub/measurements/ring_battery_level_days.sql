select
    day.user_id,
    day.day,
    kept.*,
    {{ former_time('ring_battery_levels', 'min', 'created_at') }} as created_at,
    {{ former_time('ring_battery_levels', 'max', 'updated_at') }} as updated_at
from (select * from {{ ref('stg_oura__ring_battery_level') }}) as day
left join (select * from {{ ref('deleted_documents') }}) as gone
    on {{ is_gone('day') }}
cross join
    lateral (
        select
            cast(count(*) as integer) as sample_count,
            cast(min(level) as smallint) as level_lowest,
            cast(avg(level) as numeric(5, 2)) as level_mean,
            cast(max(level) as smallint) as level_highest,
            coalesce(array_agg(step order by number), '{}') as steps,
            coalesce(array_agg(cast(level as smallint) order by number), '{}')
                as level,
            coalesce(array_agg(charging order by number), '{}') as charging,
            coalesce(array_agg(in_charger order by number), '{}') as in_charger
        from (
            select
                sample.*,
                {{ milliseconds_since_the_sample_before() }} as step
            from ({{ ring_battery_samples('day') }}) as sample
            where {{ fits_its_contract() }}
        ) as sample
    ) as kept
where day.loaded_at > {{ last_reading() }}
    and gone.user_id is null
