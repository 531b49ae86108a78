"""What Alembic runs: the migrations of households inside the connection it was given."""

from shared.migrate import run_migrations

run_migrations()
