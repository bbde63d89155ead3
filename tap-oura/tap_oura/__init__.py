"""Singer tap for the Oura API v2."""
