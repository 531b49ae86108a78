"""The mapped base of the tables of notify, and column types SQLModel would not choose itself."""

from enum import StrEnum

from sqlalchemy import ColumnElement, DateTime, Text, and_, func, literal_column
from sqlalchemy.orm import Mapped

from shared.regions import prefix_range
from shared.tables import SQLModel, service_registry


class NotifyTable(SQLModel, registry=service_registry()):
    """Every mapped row of notify."""


INSTANT = DateTime(timezone=True)
# Scope is a range of the code, and only byte order keeps a prefix together.
CODE = Text(collation="C")


def of_organisations_in(org: Mapped[str], region: str) -> ColumnElement[bool]:
    """Whether the organisation in a column is one of `region`: the scope of an operator (X-05)."""
    low, high = prefix_range(region)
    place = func.split_part(org, "@", 2, type_=CODE)
    return and_(place >= low, place < high)


def stands_at(state: Mapped[str], wanted: StrEnum) -> ColumnElement[bool]:
    """Whether a state is `wanted`, written out: for a parameter, a plan that is kept could not use
    the partial index of those that stand there."""
    return state == literal_column(f"'{wanted}'")
