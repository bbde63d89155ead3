{{ contracted(ref('int_oura__tags')) }}
