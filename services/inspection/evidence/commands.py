"""Keeping an uploaded file, and making a link to one."""

from datetime import timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select

from services.inspection.evidence.desk import EvidenceDesk
from services.inspection.evidence.domain import Scan
from services.inspection.evidence.links import LinkMark
from services.inspection.evidence.tables import EvidenceFile
from services.inspection.evidence.uploads import Received
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.ids import new_id
from shared.security import Actor


async def keep_evidence(
    session: Session,
    desk: EvidenceDesk,
    actor: Actor,
    upload: Received,
    *,
    content_type: str,
    file_name: str,
    village_code: str,
) -> tuple[EvidenceFile, bool]:
    """Scan, store and record an upload: the record, and whether it is new.

    The same content from the same organisation for the same place is the same record. Raises
    `EvidenceInfected`, `EvidenceScannerDown`, `ObjectStoreUnavailable`; then nothing was kept.
    """
    if desk.scanner is not None:
        await desk.scanner.check(upload.content)
    # The content first, while no connection is held: a record never lacks its file.
    await desk.objects.put(upload.sha256, upload.content)
    values = EvidenceFile(
        id=new_id(),
        sha256=upload.sha256,
        size=upload.size,
        content_type=content_type,
        file_name=file_name,
        village_code=village_code,
        organisation=actor.organisation,
        uploaded_by=actor.person,
        scan=Scan.NOT_SCANNED if desk.scanner is None else Scan.CLEAN,
        created_at=clock.now(),
    )
    statement = insert(EvidenceFile).values(values.model_dump()).on_conflict_do_nothing()
    created = await session.scalar(statement.returning(EvidenceFile))
    if created is not None:
        await record_audit(session, actor, "CREATE", "evidence", created.id)
        return created, True
    same = select(EvidenceFile).filter_by(
        organisation=actor.organisation, village_code=village_code, sha256=upload.sha256
    )
    return (await session.scalars(same)).one(), False


async def make_link(
    session: Session, desk: EvidenceDesk, actor: Actor, file: EvidenceFile, minutes: int
) -> LinkMark:
    """A link to a file for some minutes from now; whoever asks for one is on record."""
    await record_audit(session, actor, "LINK", "evidence", file.id)
    return desk.links.sign(file.id, clock.now() + timedelta(minutes=minutes))
