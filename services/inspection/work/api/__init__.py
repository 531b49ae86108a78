"""The calls about the work on problems."""

from services.inspection.work.api import batches, lists, moves

ROUTERS = (moves.router, batches.router, lists.router)
