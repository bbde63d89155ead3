{{ contracted(ref('stg_oura__ring_battery_level')) }}
