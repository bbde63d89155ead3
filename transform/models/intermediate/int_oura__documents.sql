{% for stream, day in document_streams().items() %}
    select
        user_id,
        stream,
        document_id,
        cast({{ day }} as date) as day,
        content,
        extracted_at,
        loaded_at
    from {{ ref('stg_oura__' ~ stream) }}
    {{ 'union all' if not loop.last }}
{% endfor %}
