"""Finding evidence files, and checking what others say of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.inspection.evidence.domain import check_hashes, file_id
from services.inspection.evidence.tables import EvidenceFile
from shared.database import Connection, ReadSession
from shared.errors import NotFound
from shared.security import Actor

_HASHES = "SELECT id, sha256 FROM evidence_files WHERE id = ANY($1::uuid[])"


async def get_evidence(session: ReadSession, actor: Actor, ref: UUID) -> EvidenceFile:
    """An evidence file of a place within the caller's region; raises `NotFound`.

    Departments see their county's, like its other offices: whose matter a file belongs to is known
    by the problems that name it, and only they do; there is no list.
    """
    found = await find_evidence(session, ref)
    actor.must_cover(found.village_code)
    return found


async def find_evidence(session: ReadSession, ref: UUID) -> EvidenceFile:
    """An evidence file for whoever was shown a way to it; raises `NotFound`."""
    found = await session.get(EvidenceFile, ref)
    if found is None:
        raise NotFound
    return found


async def check_refs(
    connection: Connection, evidence: Sequence[Mapping[str, Any]], field: str = "evidence"
) -> None:
    """Raise `EvidenceMismatch`, naming each wrong one as `<field>.<place>.sha256`, where the `ref`
    of an item {ref, sha256} is that of an uploaded file with another hash.

    Other references, such as those of systems outside, are taken as they are.
    """
    check_hashes(evidence, await find_hashes(connection, evidence), field)


async def find_hashes(
    connection: Connection, evidence: Iterable[Mapping[str, Any]]
) -> Mapping[UUID, str]:
    """The hashes of those items' files that were uploaded here; no statement without any."""
    refs = {ref for item in evidence if (ref := file_id(item["ref"])) is not None}
    if not refs:
        return {}
    return {row["id"]: row["sha256"] for row in await connection.fetch(_HASHES, list(refs))}
