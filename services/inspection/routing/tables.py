"""A region's own routing rules, by effective date."""

from datetime import date, datetime

from sqlmodel import Field

from services.inspection.tables import INSTANT, REGION_CODE, InspectionTable


class RoutingRule(InspectionTable, table=True):
    """From `effective_from` on, `kind` is led by `department` in `region` and all below it."""

    __tablename__ = "routing_rules"

    region: str = Field(primary_key=True, sa_type=REGION_CODE)
    kind: str = Field(primary_key=True)
    effective_from: date = Field(primary_key=True)
    department: str
    set_by: str
    set_at: datetime = Field(sa_type=INSTANT)
