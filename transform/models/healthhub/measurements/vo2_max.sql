{{ contracted(ref('stg_oura__vo2_max')) }}
