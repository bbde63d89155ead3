{{ contracted(ref('stg_oura__session')) }}
