"""What Alembic runs: the migrations of notify inside the connection it was given."""

from shared.migrate import run_migrations

run_migrations()
