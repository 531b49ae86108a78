"""The mapped base of the tables of households, and the column types SQLModel would not choose."""

from sqlalchemy import DateTime, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB

from shared.tables import SQLModel, service_registry


class HouseholdsTable(SQLModel, registry=service_registry()):
    """Every mapped row of households."""


MONEY = Numeric(18, 2)
PERCENT = Numeric(5, 2)
INSTANT = DateTime(timezone=True)
JSON = JSONB
# Scope is a range of the code, and only byte order keeps a prefix together.
REGION_CODE = Text(collation="C")
