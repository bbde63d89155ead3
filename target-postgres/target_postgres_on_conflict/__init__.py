"""MeltanoLabs' target-postgres, writing each row once."""
