"""GET /analysis/…: the caller's own figures as tables, on the screen or as files (I-55)."""

from services.inspection.analysis.api import problems, tables

ROUTERS = (tables.router, problems.router)
SETTINGS = (problems.SYSTEMIC_VILLAGES,)
