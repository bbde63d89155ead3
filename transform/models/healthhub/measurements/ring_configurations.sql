{{ contracted(ref('stg_oura__ring_configuration')) }}
