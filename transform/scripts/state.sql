-- What the tables are, and are made of, without a look at any of their rows.
--
-- Whatever a statement has changed of a relation or function has another xmin,
-- and of the rows of a table, PostgreSQL counts them: whoever changes a row by
-- hand, and reads everything again, wants it back. A build tells its counts as
-- it commits (macros/build_state.sql). Counts that were lost, after a crash,
-- begin at another time.
with

relations as (
    select pg_class.oid
    from pg_class
    where
        pg_class.relnamespace in (
            to_regnamespace('raw_oura'),
            to_regnamespace('healthhub'),
            to_regnamespace('healthhub_staging')
        )
),

built as (
    select
        pg_class.oid,
        pg_class.relname,
        pg_class.relkind
    from pg_class
    where
        pg_class.relnamespace = to_regnamespace('healthhub')
        and pg_class.relkind in ('r', 'p')
        and pg_class.relname not in ('users', 'job_runs', 'alembic_version')
        and to_regclass('healthhub_staging.last_build') is not null
),

made as (
    select
        concat_ws(' ', pg_class.oid, pg_class.xmin, pg_class.relfilenode)
            as version
    from pg_class
    inner join relations on pg_class.oid = relations.oid
    union all
    select concat_ws(' ', attribute.attrelid, attribute.attnum, attribute.xmin)
    from pg_attribute as attribute
    inner join relations on attribute.attrelid = relations.oid
    union all
    select concat_ws(' ', pg_rewrite.oid, pg_rewrite.xmin)
    from pg_rewrite
    inner join relations on pg_rewrite.ev_class = relations.oid
    union all
    select concat_ws(' ', pg_constraint.oid, pg_constraint.xmin)
    from pg_constraint
    inner join relations on pg_constraint.conrelid = relations.oid
    union all
    select concat_ws(' ', pg_policy.oid, pg_policy.xmin)
    from pg_policy
    inner join relations on pg_policy.polrelid = relations.oid
    union all
    select concat_ws(' ', pg_proc.oid, pg_proc.xmin)
    from pg_proc
    where
        pg_proc.pronamespace in (
            to_regnamespace('healthhub'), to_regnamespace('healthhub_staging')
        )
    union all
    select
        concat_ws(
            ' ',
            counts.relid,
            counts.n_tup_ins,
            counts.n_tup_upd,
            counts.n_tup_del
        )
    from pg_stat_user_tables as counts
    inner join built on counts.relid = built.oid
    union all
    select
        concat_ws(
            ' ',
            extract(epoch from pg_stat_database.stats_reset),
            extract(epoch from pg_stat_bgwriter.stats_reset)
        )
    from pg_stat_database
    cross join pg_stat_bgwriter
    where pg_stat_database.datname = current_database()
)

select
    (
        select md5(string_agg(made.version, ',' order by made.version))
        from made
    ) as made,
    concat_ws(
        ' ',
        current_date,
        cast(now() at time zone 'UTC' as date),
        current_setting('TimeZone')
    ) as moment,
    exists(select from built) as is_built,
    array(
        select cast(built.relname as text)
        from built
        where
            built.relkind = 'p'
            or to_regclass('pg_catalog.pg_dist_partition') is not null
            or current_setting('track_counts') = 'off'
    ) as uncounted,
    (
        select jsonb_object_agg(raw_table.relname, raw_table.columns)
        from (
            select
                pg_class.relname,
                array_agg(attribute.attname order by attribute.attnum)
                    as columns
            from pg_class
            inner join pg_attribute as attribute
                on pg_class.oid = attribute.attrelid
            where
                pg_class.relnamespace = to_regnamespace('raw_oura')
                and pg_class.relkind in ('r', 'p')
                and attribute.attnum > 0
                and not attribute.attisdropped
            group by pg_class.relname
        ) as raw_table
    ) as raw_tables
