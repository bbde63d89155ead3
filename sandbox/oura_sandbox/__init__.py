"""A local Oura API: every route, made-up users, and the quirks of the real one."""
