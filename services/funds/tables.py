"""The mapped base of the tables of funds, and the column types SQLModel would not choose itself."""

from sqlalchemy import DateTime, Numeric, Text

from shared.tables import SQLModel, service_registry


class FundsTable(SQLModel, registry=service_registry()):
    """Every mapped row of funds."""


MONEY = Numeric(18, 2)
INSTANT = DateTime(timezone=True)
# Scope is a range of the code, and only byte order keeps a prefix together.
REGION_CODE = Text(collation="C")
