"""A local Oura API: every route, a made-up wearer, the real one's quirks."""
