"""Sensitive columns: sealed values, blind indexes to find them by, and masks to show them by.

A sealed value is `v1:<kid>:<nonce>:<ciphertext>`, base64url, bound to its table, column and row, so
that it opens nowhere else. Every column has its own keys, derived by HKDF from the master key; the
blind index has a key of its own. The key file decides the algorithms.
"""

import binascii
import hmac
import os
import re
import stat
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
TAG_BYTES = 16
BLIND_INDEX_BYTES = 16
MASTER_KEY_BYTES = 32


class KeyFileRejected(Exception):
    """The key file is missing, malformed or readable by others; the process must not start."""


class SealBroken(Exception):
    """A sealed value was altered, moved to another place, or sealed under a key the ring lacks."""


class Suite(Protocol):
    """A pair of algorithms: authenticated encryption with a 12-byte nonce, and a keyed hash."""

    name: str
    key_bytes: int
    hash_algorithm: hashes.HashAlgorithm

    def seal(self, key: bytes, nonce: bytes, plain: bytes, context: bytes) -> bytes:
        """The ciphertext with its 16-byte tag."""

    def open(self, key: bytes, nonce: bytes, sealed: bytes, context: bytes) -> bytes:
        """The plaintext; raises `cryptography.exceptions.InvalidTag`."""

    def digest(self, key: bytes, message: bytes) -> bytes:
        """The keyed hash of `message`."""


class AesSuite:
    """AES-256-GCM and HMAC-SHA256: the default."""

    name = "aes"
    key_bytes = 32
    hash_algorithm: hashes.HashAlgorithm = hashes.SHA256()

    def seal(self, key: bytes, nonce: bytes, plain: bytes, context: bytes) -> bytes:
        return AESGCM(key).encrypt(nonce, plain, context)

    def open(self, key: bytes, nonce: bytes, sealed: bytes, context: bytes) -> bytes:
        return AESGCM(key).decrypt(nonce, sealed, context)

    def digest(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, "sha256")


class Sm4Suite:
    """SM4-GCM (GB/T 32907) and HMAC-SM3 (GB/T 32905), for offices bound to national algorithms."""

    name = "sm4"
    key_bytes = 16
    hash_algorithm: hashes.HashAlgorithm = hashes.SM3()

    def seal(self, key: bytes, nonce: bytes, plain: bytes, context: bytes) -> bytes:
        encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(context)
        return encryptor.update(plain) + encryptor.finalize() + encryptor.tag

    def open(self, key: bytes, nonce: bytes, sealed: bytes, context: bytes) -> bytes:
        if len(sealed) < TAG_BYTES:
            raise InvalidTag
        mode = modes.GCM(nonce, sealed[-TAG_BYTES:])
        decryptor = Cipher(algorithms.SM4(key), mode).decryptor()
        decryptor.authenticate_additional_data(context)
        return decryptor.update(sealed[:-TAG_BYTES]) + decryptor.finalize()

    def digest(self, key: bytes, message: bytes) -> bytes:
        keyed = HMAC(key, hashes.SM3())
        keyed.update(message)
        return keyed.finalize()


_SUITES: dict[str, Suite] = {"aes": AesSuite(), "sm4": Sm4Suite()}


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One line of the key file: the algorithms and 32 secret bytes."""

    suite: Suite
    secret: bytes = field(repr=False)

    def derive(self, purpose: str, length: int) -> bytes:
        """A key of `length` bytes for `purpose` alone."""
        info = f"bangfu|v1|{purpose}".encode()
        return HKDF(self.suite.hash_algorithm, length, None, info).derive(self.secret)

    def kid(self) -> str:
        """The public name of this key: 8 hex digits that tell nothing about it."""
        return self.derive(f"{self.suite.name}|kid", 4).hex()


@dataclass(frozen=True, slots=True)
class _ColumnKey:
    suite: Suite
    sealing: bytes = field(repr=False)
    indexing: bytes = field(repr=False)


class SealedColumn:
    """Seals, opens and indexes the values of one column; made by `KeyRing.column`."""

    __slots__ = ("_context", "_current", "_keys")

    def __init__(self, table: str, column: str, masters: dict[str, MasterKey]) -> None:
        place = f"{table}|{column}"
        self._context = f"{place}|"
        self._keys = {
            kid: _ColumnKey(
                master.suite,
                master.derive(f"{master.suite.name}|seal|{place}", master.suite.key_bytes),
                master.derive(f"{master.suite.name}|index|{place}", 32),
            )
            for kid, master in masters.items()
        }
        self._current = next(iter(self._keys))

    def seal(self, value: str, row: UUID) -> str:
        """`value` sealed for the row with id `row`, under the current key and a fresh nonce."""
        key = self._keys[self._current]
        nonce = os.urandom(NONCE_BYTES)
        sealed = key.suite.seal(key.sealing, nonce, value.encode(), self._bound_to(row))
        return f"v1:{self._current}:{_text(nonce)}:{_text(sealed)}"

    def open(self, envelope: str, row: UUID) -> str:
        """The value sealed for `row`; raises `SealBroken`."""
        version, kid, nonce, sealed = _parts(envelope)
        key = self._keys.get(kid)
        if version != "v1" or key is None or len(nonce) != NONCE_BYTES:
            raise SealBroken("unknown version, key or form")
        try:
            return key.suite.open(key.sealing, nonce, sealed, self._bound_to(row)).decode()
        except InvalidTag:
            raise SealBroken("altered, or sealed for another place") from None

    def is_current(self, envelope: str) -> bool:
        """Whether `envelope` was sealed under the current key; if not, rotation seals it anew."""
        return envelope.startswith(f"v1:{self._current}:")

    def blind_index(self, value: str) -> bytes:
        """16 bytes, equal for equal values of this column, to store under a unique index."""
        return self._indexed(self._keys[self._current], value)

    def blind_indexes(self, value: str) -> list[bytes]:
        """What `value` may be stored under until rotation is over, current key first."""
        return [self._indexed(key, value) for key in self._keys.values()]

    def _bound_to(self, row: UUID) -> bytes:
        return f"{self._context}{row}".encode()

    def _indexed(self, key: _ColumnKey, value: str) -> bytes:
        return key.suite.digest(key.indexing, value.encode())[:BLIND_INDEX_BYTES]


class KeyRing:
    """The master keys of a service: the first seals, all of them open."""

    def __init__(self, masters: Sequence[MasterKey]) -> None:
        if not masters:
            raise KeyFileRejected("a key ring needs a key")
        self._masters = {master.kid(): master for master in masters}
        self._columns: dict[tuple[str, str], SealedColumn] = {}

    def column(self, table: str, column: str) -> SealedColumn:
        """The sealer of one column; its keys are derived once."""
        place = (table, column)
        if place not in self._columns:
            self._columns[place] = SealedColumn(table, column, self._masters)
        return self._columns[place]


_KEY_LINE = re.compile(r"(?:(aes|sm4) )?([0-9a-fA-F]+)")


def load_key_ring(file: Path) -> KeyRing:
    """The key ring in `file`; raises `KeyFileRejected`, naming the reason and never a key.

    One key a line, the current one first: 64 hex digits, after `sm4 ` for the national algorithms.
    To rotate, put the new key on top and keep the old ones until everything is sealed anew. Others
    may not read the file, nor the group write it.
    """
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="ascii")
    except OSError as failure:
        raise KeyFileRejected(f"{file}: {failure.strerror}") from None
    except UnicodeDecodeError:
        raise KeyFileRejected(f"{file}: not a text of hex digits") from None
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise KeyFileRejected(f"{file}: open to others (mode {mode & 0o777:o}); use mode 600")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise KeyFileRejected(f"{file}: holds no key")
    return KeyRing([_master_key(file, number, line) for number, line in enumerate(lines, 1)])


# Resident ids (18 characters), bank accounts (16 to 19 digits) and mobile numbers, standing alone:
# 13800000000, 138 0000 0000, +86-138-0000-0000.
_IDENTIFIER = re.compile(
    r"(?<![0-9a-fA-F-])"
    r"(?:\d{17}[0-9Xx]|\d{16,19}|(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4})"
    r"(?![0-9a-fA-F])"
)


def holds_identifier(text: str) -> bool:
    """Whether `text` holds what looks like a resident id, an account or a mobile number."""
    return _IDENTIFIER.search(text) is not None


def without_identifiers(text: str, put: str) -> str:
    """`text` with `put` in place of resident ids, account numbers and mobile numbers."""
    return _IDENTIFIER.sub(put, text)


def mask_resident_id(number: str) -> str:
    """511132********0010: the county and the last four characters."""
    return _masked(number, 6, 4)


def mask_phone(number: str) -> str:
    """138****0000."""
    return _masked(number, 3, 4)


def mask_account(number: str) -> str:
    """The last four digits of a bank account."""
    return _masked(number, 0, 4)


def mask_name(name: str) -> str:
    """The first character of a name."""
    return _masked(name, 1, 0)


def _masked(text: str, head: int, tail: int) -> str:
    """`text` with all but `head` and `tail` characters starred; too short a text wholly."""
    hidden = len(text) - head - tail
    if hidden < 1:
        return "*" * len(text)
    return text[:head] + "*" * hidden + text[len(text) - tail :]


def _master_key(file: Path, number: int, line: str) -> MasterKey:
    match = _KEY_LINE.fullmatch(line)
    if match is None or len(match[2]) != 2 * MASTER_KEY_BYTES:
        expected = f"{2 * MASTER_KEY_BYTES} hex digits, optionally after 'aes ' or 'sm4 '"
        raise KeyFileRejected(f"{file}: key {number} is not {expected}")
    return MasterKey(_SUITES[match[1] or "aes"], bytes.fromhex(match[2]))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _parts(envelope: str) -> tuple[str, str, bytes, bytes]:
    try:
        version, kid, nonce, sealed = envelope.split(":")
        return version, kid, _data(nonce), _data(sealed)
    except (ValueError, binascii.Error):
        raise SealBroken("not a sealed value") from None


def _data(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
