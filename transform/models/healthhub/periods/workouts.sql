{{ contracted(ref('stg_oura__workout')) }}
