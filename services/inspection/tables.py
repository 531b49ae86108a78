"""The mapped base of inspection's tables, and the column types SQLModel would not choose itself."""

from sqlalchemy import DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.tables import SQLModel, service_registry


class InspectionTable(SQLModel, registry=service_registry()):
    """Every mapped row of inspection."""


INSTANT = DateTime(timezone=True)
# Scope is a range of the code, and only byte order keeps a prefix together.
REGION_CODE = Text(collation="C")
TEXTS = ARRAY(Text)
DOCUMENT = JSONB(none_as_null=True)
