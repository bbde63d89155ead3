{{ contracted(ref('stg_oura__rest_mode_period')) }}
