{{ contracted(ref('stg_oura__personal_info')) }}
