"""The mapped base of the tables of notify, and column types SQLModel would not choose itself."""

from sqlalchemy import DateTime, Text

from shared.tables import SQLModel, service_registry


class NotifyTable(SQLModel, registry=service_registry()):
    """Every mapped row of notify."""


INSTANT = DateTime(timezone=True)
# Scope is a range of the code, and only byte order keeps a prefix together.
CODE = Text(collation="C")
