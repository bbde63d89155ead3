{{ contracted(ref('stg_oura__daily_cardiovascular_age')) }}
