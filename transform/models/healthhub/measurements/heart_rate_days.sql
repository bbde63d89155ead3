select
    day.user_id,
    day.day,
    kept.sample_count,
    kept.bpm_lowest,
    kept.bpm_mean,
    kept.bpm_highest,
    kept.steps,
    kept.bpm,
    kept.sources,
    numbered.source_numbers,
    {{ former_time('heart_rate', 'min', 'created_at') }} as created_at,
    {{ former_time('heart_rate', 'max', 'updated_at') }} as updated_at
from (select * from {{ ref('stg_oura__heartrate') }}) as day
left join (select * from {{ ref('deleted_documents') }}) as gone
    on {{ is_gone('day') }}
cross join
    lateral (
        select
            cast(count(*) as integer) as sample_count,
            cast(min(bpm) as smallint) as bpm_lowest,
            cast(avg(bpm) as numeric(5, 2)) as bpm_mean,
            cast(max(bpm) as smallint) as bpm_highest,
            coalesce(array_agg(step order by number), '{}') as steps,
            coalesce(array_agg(cast(bpm as smallint) order by number), '{}')
                as bpm,
            array_agg(distinct source order by source) as sources,
            array_agg(source order by number) as each_source
        from (
            select
                sample.*,
                {{ milliseconds_since_the_sample_before() }} as step
            from ({{ heart_rate_samples('day') }}) as sample
            where {{ fits_its_contract() }}
        ) as sample
    ) as kept
cross join
    lateral (
        select
            coalesce(
                array_agg(
                    cast(array_position(kept.sources, item.source) as smallint)
                    order by item.number
                ),
                '{}'
            ) as source_numbers
        from unnest(kept.each_source)
            with ordinality as item (source, number)
    ) as numbered
where day.loaded_at > {{ last_reading() }}
    and gone.user_id is null
