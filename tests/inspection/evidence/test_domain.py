"""Which content is which type, and what a file may be called."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.evidence.domain import (
    EvidenceTypeRefused,
    FileType,
    attachment,
    check_type,
    display_name,
    type_by_magic,
    type_by_parts,
)

WORD = {"[Content_Types].xml", "_rels/.rels", "word/document.xml"}
SHEET = {"[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"}


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"\xff\xd8\xff\xe1\x00\x18Exif", FileType.JPEG),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", FileType.PNG),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", FileType.WEBP),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", FileType.HEIC),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00", FileType.HEIC),
        (b"\x00\x00\x00\x20ftypisom\x00\x00", FileType.MP4),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00", FileType.MP4),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", FileType.PDF),
        (b"", None),
        (b"\x89PNG", None),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", None),
        (b"\x00\x00\x00\x14ftypqt  ", None),
        (b"PK\x03\x04\x14\x00\x06\x00", None),
        (b"MZ\x90\x00", None),
        (b"<svg xmlns=", None),
        (b" %PDF-1.7", None),
    ],
)
def test_a_file_is_what_its_first_bytes_show(head: bytes, found: FileType | None) -> None:
    assert type_by_magic(head) is found


def test_office_documents_are_known_by_their_parts_and_macros_are_refused() -> None:
    assert type_by_parts(WORD) is FileType.DOCX
    assert type_by_parts(SHEET) is FileType.XLSX
    assert type_by_parts(WORD | {"word/vbaProject.bin"}) is None
    assert type_by_parts(WORD - {"[Content_Types].xml"}) is None
    assert type_by_parts({"classes.dex"}) is None


@pytest.mark.parametrize(
    ("found", "declared"),
    [
        (FileType.JPEG, "image/jpeg"),
        (FileType.JPEG, "image/JPG; charset=binary"),
        (FileType.HEIC, "image/heif"),
        (FileType.PDF, " application/pdf "),
    ],
)
def test_a_type_may_be_declared_in_several_spellings(found: FileType, declared: str) -> None:
    assert check_type(found, declared, tuple(FileType)) is found


@pytest.mark.parametrize(
    ("found", "declared", "allowed"),
    [
        (None, "image/jpeg", tuple(FileType)),
        (FileType.PDF, "image/jpeg", tuple(FileType)),
        (FileType.JPEG, None, tuple(FileType)),
        (FileType.JPEG, "application/octet-stream", tuple(FileType)),
        (FileType.MP4, "video/mp4", (FileType.JPEG, FileType.PDF)),
    ],
)
def test_a_type_that_is_not_allowed_or_not_what_is_declared_is_refused(
    found: FileType | None, declared: str | None, allowed: tuple[FileType, ...]
) -> None:
    with pytest.raises(EvidenceTypeRefused) as refusal:
        check_type(found, declared, allowed)
    assert refusal.value.members == {"allowed": sorted(allowed)}


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("东墙 开裂.jpg", "东墙 开裂.jpg"),
        ("IMG_20190820_093012.JPEG", "IMG_20190820_093012.jpeg"),
        ("../../etc/passwd", "passwd.jpg"),
        ("C:\\Users\\cadre\\photo.jpg", "photo.jpg"),
        ("photo.exe", "photo.exe.jpg"),
        ("ph\x00o\nto\u202egpj.jpg", "photogpj.jpg"),
        ("  two   words .jpg", "two words.jpg"),
        ("what?*<now>.jpg", "what___now_.jpg"),
        ("511132198001019015 收据.jpg", "______________9015 收据.jpg"),
        ("51113219800101901X.jpg", "______________901X.jpg"),
        ("19900000001.jpg", "_______0001.jpg"),
        ("6228480000000000018.jpg", "_______________0018.jpg"),
        ("mmexport1566285012345.jpg", "mmexport1566285012345.jpg"),
        ("...", "file.jpg"),
        (".jpg", "file.jpg"),
        ("/", "file.jpg"),
        ("长" * 200 + ".jpg", "长" * 100 + ".jpg"),
    ],
)
def test_a_name_is_shown_without_folders_tricks_and_whole_personal_numbers(
    given_name: str, shown: str
) -> None:
    assert display_name(given_name, FileType.JPEG) == shown


@given(st.text(max_size=255), st.sampled_from(FileType))
def test_whatever_a_file_is_called_its_name_is_one_harmless_line(
    name: str, type_: FileType
) -> None:
    shown = display_name(name, type_)
    assert 0 < len(shown) <= 110
    assert not re.search(r'[/\\:*?"<>|\x00-\x1f\x7f]', shown)
    assert not re.search("[0-9]{15}", shown)
    header = attachment(shown)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
