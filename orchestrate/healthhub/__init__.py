"""The `healthhub` command: the database, the migrations and the run itself."""
