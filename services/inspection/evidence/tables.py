"""The records of evidence files; their content lies in the object store."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field

from services.inspection.tables import INSTANT, REGION_CODE, InspectionTable


class EvidenceFile(InspectionTable, table=True):
    """One content as one organisation brought it for one place; never changed."""

    __tablename__ = "evidence_files"
    __table_args__ = (
        UniqueConstraint(
            "organisation", "village_code", "sha256", name="uq_evidence_files_organisation"
        ),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="ck_evidence_files_sha256"),
    )

    id: UUID = Field(primary_key=True)
    sha256: str
    size: int = Field(sa_type=BigInteger)
    content_type: str
    file_name: str
    village_code: str = Field(sa_type=REGION_CODE)
    organisation: str
    uploaded_by: str
    scan: str
    created_at: datetime = Field(sa_type=INSTANT)
