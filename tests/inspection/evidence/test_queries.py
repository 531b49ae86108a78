"""What others say of an uploaded file must be true."""

from typing import Any

import pytest

from services.inspection.evidence.domain import EvidenceMismatch
from services.inspection.evidence.queries import check_refs
from shared.ids import new_id
from tests.inspection.evidence.conftest import JPEG_HASH, Desk

OTHER = "0" * 64


async def _check(desk: Desk, *evidence: dict[str, Any]) -> None:
    async with desk.inspection.runtime.database.statement() as connection:
        await check_refs(connection, evidence)


async def test_a_reference_to_an_uploaded_file_must_carry_its_hash(desk: Desk) -> None:
    ref = (await desk.kept())["ref"]
    right = {"ref": ref, "sha256": JPEG_HASH, "phase": "BEFORE"}
    await _check(desk, right)
    for spelling in (ref, ref.upper(), ref.replace("-", ""), f"{{{ref}}}"):
        with pytest.raises(EvidenceMismatch) as refusal:
            await _check(desk, right, {"ref": spelling, "sha256": OTHER}, right)
        assert [error.field for error in refusal.value.errors] == ["evidence.1.sha256"]


async def test_references_of_other_systems_are_taken_as_they_are(desk: Desk) -> None:
    await _check(desk)
    await _check(
        desk,
        {"ref": "photos/2019/0001.jpg", "sha256": OTHER},
        {"ref": str(new_id()), "sha256": OTHER},
    )
