"""Which files are taken as evidence, what they are called, and why one is refused."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import quote
from uuid import UUID

from shared.errors import DomainError, FieldError, Forbidden, Invalid


class FileType(StrEnum):
    """The types of files that can be evidence, by their media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    HEIC = "image/heic"
    MP4 = "video/mp4"
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Scan(StrEnum):
    """What is known of a stored file; an infected one is never stored."""

    CLEAN = "CLEAN"
    NOT_SCANNED = "NOT_SCANNED"


class EvidenceOff(DomainError):
    """This installation keeps no evidence files."""

    status = 503
    code = "EVIDENCE_OFF"
    zh = "本系统未配置文件存储，不能上传或下载佐证材料。"
    en = "No object store is configured here: evidence files can be neither kept nor read."


class EvidenceTooLarge(DomainError):
    """The file is too large.

    Members: `limit_bytes`.
    """

    status = 413
    code = "EVIDENCE_TOO_LARGE"
    zh = "文件超过允许的大小（上限 {limit_bytes} 字节）。"
    en = "The file is larger than allowed (at most {limit_bytes} bytes)."


class EvidenceIncomplete(DomainError):
    """The upload broke off."""

    status = 400
    code = "EVIDENCE_INCOMPLETE"
    zh = "上传中断，文件未保存。"
    en = "The upload broke off; nothing was kept."


class EvidenceTypeRefused(Invalid):
    """The file is not of an allowed type, or not of the type it is said to be.

    Members: `allowed`.
    """

    code = "EVIDENCE_TYPE"
    zh = "文件类型不允许，或内容与所称类型不符；允许的类型见 allowed。"
    en = "The type of the file is not allowed, or its content is of another type; see allowed."


class EvidenceInfected(Invalid):
    """The virus scanner refuses the file."""

    code = "EVIDENCE_INFECTED"
    zh = "病毒扫描未通过，文件未保存。"
    en = "The virus scanner refuses the file; nothing was kept."


class EvidenceScannerDown(DomainError):
    """The virus scanner cannot be reached at the moment."""

    status = 503
    code = "EVIDENCE_SCANNER_DOWN"
    zh = "病毒扫描服务暂时不可用，文件未保存，请稍后重试。"
    en = "The virus scanner cannot be reached at the moment; nothing was kept; try again."


class EvidenceMismatch(Invalid):
    """The hash is not that of the file referred to."""

    code = "EVIDENCE_MISMATCH"
    zh = "哈希值与所引用的已上传文件不符。"
    en = "The hash is not that of the uploaded file referred to."


class LinkInvalid(Forbidden):
    """The link was altered or has expired."""

    code = "LINK_INVALID"
    zh = "下载链接无效或已过期，请重新获取。"
    en = "The link is not valid or has expired; ask for a new one."


_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"mif1"), FileType.HEIC),
    **dict.fromkeys(
        (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V "),
        FileType.MP4,
    ),
}
HEAD_BYTES = 16
ZIP_MAGIC = b"PK\x03\x04"


def type_by_magic(head: bytes) -> FileType | None:
    """The type that the first `HEAD_BYTES` bytes of a file show; documents in ZIP show none."""
    if head.startswith(b"\xff\xd8\xff"):
        return FileType.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return FileType.PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return FileType.WEBP
    if head.startswith(b"%PDF-"):
        return FileType.PDF
    return _BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None


def type_by_parts(parts: Collection[str]) -> FileType | None:
    """The type of an office document by the names of its parts; with macros in it, none."""
    if "[Content_Types].xml" not in parts or any(name.endswith("vbaProject.bin") for name in parts):
        return None
    if "word/document.xml" in parts:
        return FileType.DOCX
    return FileType.XLSX if "xl/workbook.xml" in parts else None


_ALIASES = {"image/jpg": "image/jpeg", "image/heif": "image/heic"}


def check_type(
    found: FileType | None, declared: str | None, allowed: Collection[FileType]
) -> FileType:
    """The type found in the content, if it is allowed and the `Content-Type` says the same.

    Raises `EvidenceTypeRefused`.
    """
    said = (declared or "").partition(";")[0].strip().lower()
    if found is None or found not in allowed or _ALIASES.get(said, said) != found:
        raise EvidenceTypeRefused(allowed=sorted(allowed))
    return found


_ENDINGS = {
    FileType.JPEG: (".jpg", ".jpeg"),
    FileType.PNG: (".png",),
    FileType.WEBP: (".webp",),
    FileType.HEIC: (".heic", ".heif"),
    FileType.MP4: (".mp4", ".m4v"),
    FileType.PDF: (".pdf",),
    FileType.DOCX: (".docx",),
    FileType.XLSX: (".xlsx",),
}
_NAME_LIMIT = 100
# Resident id, bank card and mobile numbers, which people put into names of files.
_NUMBERS = re.compile("[0-9]{15,}[Xx]?|(?<![0-9])1[3-9][0-9]{9}(?![0-9])")


def display_name(given: str, type_: FileType) -> str:
    """A caller's file name as people may be shown it: no folders, no invisible characters, no
    whole personal numbers, an ending that fits the type. It is never part of a path."""
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", given)[-1])
    name = "".join(one for one in name if unicodedata.category(one)[0] != "C")
    name = _NUMBERS.sub(lambda found: "_" * (len(found[0]) - 4) + found[0][-4:], name)
    name = re.sub(r'[:*?"<>|]', "_", name)
    name = " ".join(name.split()).rstrip(". ")
    endings = _ENDINGS[type_]
    ending = next((one for one in endings if name.lower().endswith(one)), "")
    stem = name[: len(name) - len(ending)].strip(". ")[:_NAME_LIMIT]
    return (stem or "file") + (ending or endings[0])


def attachment(name: str) -> str:
    """A `Content-Disposition` that saves the content under `name` (RFC 6266, RFC 8187)."""
    ending = name[name.rfind(".") :]
    return f"attachment; filename=\"evidence{ending}\"; filename*=UTF-8''{quote(name, safe='')}"


def check_hashes(
    evidence: Sequence[Mapping[str, Any]], stored: Mapping[UUID, str], field: str
) -> None:
    """Raise `EvidenceMismatch` where an item {ref, sha256} names a file of `stored` (id to hash)
    with another hash."""
    refusal = EvidenceMismatch
    wrong = [
        FieldError(f"{field}.{place}.sha256", refusal.code, refusal.zh, refusal.en)
        for place, item in enumerate(evidence)
        if (ref := file_id(item["ref"])) and stored.get(ref, item["sha256"]) != item["sha256"]
    ]
    if wrong:
        raise refusal(errors=wrong)


def file_id(ref: str) -> UUID | None:
    """The id of an uploaded file; None for a reference of another form."""
    try:
        return UUID(ref)
    except ValueError:
        return None
