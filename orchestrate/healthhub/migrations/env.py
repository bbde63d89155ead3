"""What alembic runs: the migrations, on the connection it was given."""

from alembic import context

from healthhub.migrations import SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema=SCHEMA,
)
context.run_migrations()
