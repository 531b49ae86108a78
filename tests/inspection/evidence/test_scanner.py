"""The virus scanner's word decides, and only a clear word counts."""

import asyncio
from io import BytesIO
from pathlib import Path

import pytest

from services.inspection.evidence.domain import EvidenceInfected, EvidenceScannerDown
from services.inspection.evidence.scanner import Scanner
from tests.inspection.evidence.conftest import VIRUS, Clamd


async def test_clean_content_passes_whole_through_the_scanner(clamd: Clamd) -> None:
    content = b"harmless" * 50_000
    await Scanner(clamd.address).check(BytesIO(content))
    assert clamd.scanned == [content]


async def test_what_the_scanner_finds_is_refused(clamd: Clamd) -> None:
    with pytest.raises(EvidenceInfected):
        await Scanner(clamd.address).check(BytesIO(b"x" * 100_000 + VIRUS))


@pytest.mark.parametrize(
    "answer", [b"", b"stream: OK", b"INSTREAM size limit exceeded. ERROR\0", b"x" * 100_000]
)
async def test_any_other_answer_counts_as_no_scanner(clamd: Clamd, answer: bytes) -> None:
    clamd.answer = answer
    with pytest.raises(EvidenceScannerDown):
        await Scanner(clamd.address).check(BytesIO(b"harmless"))


async def test_a_scanner_may_listen_on_a_socket_file(clamd: Clamd, tmp_path: Path) -> None:
    socket = tmp_path / "clamd.ctl"
    async with await asyncio.start_unix_server(clamd.serve, socket):
        await Scanner(f"unix://{socket}").check(BytesIO(b"harmless"))
    with pytest.raises(EvidenceScannerDown):
        await Scanner(f"unix://{tmp_path}/nobody").check(BytesIO(b"harmless"))


@pytest.mark.parametrize("address", ["clamd", "tcp://", "tcp://host", "tcp://:3310", "unix://x"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="a virus scanner is at"):
        Scanner(address)
