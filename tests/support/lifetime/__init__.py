"""Sixty days of a ring's user, lived in minutes, and what has to be true of them."""
