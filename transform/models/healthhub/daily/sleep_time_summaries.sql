{{ contracted(ref('stg_oura__sleep_time')) }}
