{{ contracted(ref('stg_oura__daily_readiness')) }}
