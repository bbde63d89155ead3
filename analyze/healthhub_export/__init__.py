"""The tables of `healthhub` as files, for whatever people like to work with."""
