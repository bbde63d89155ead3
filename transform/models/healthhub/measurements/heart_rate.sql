{{ contracted(ref('stg_oura__heartrate')) }}
