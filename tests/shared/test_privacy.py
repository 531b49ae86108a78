"""Sealed values open in their own place only, are found by blind index, and are shown masked."""

from pathlib import Path
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import new_id
from shared.privacy import (
    AesSuite,
    KeyFileRejected,
    KeyRing,
    MasterKey,
    SealBroken,
    SealedColumn,
    Sm4Suite,
    Suite,
    holds_identifier,
    load_key_ring,
    mask_account,
    mask_name,
    mask_phone,
    mask_resident_id,
    without_identifiers,
)

FIRST, SECOND = bytes(range(32)), bytes(range(32, 64))
ROW, OTHER_ROW = UUID(int=1), UUID(int=2)
NUMBER = "511132198001019015"

# NUMBER in row 1 of members.id_no under FIRST, as the first version of the module stored it.
STORED_AES = "v1:b96035eb:56nHZ_PnDAx0YUrJ:_csZiySmCsezEEOr_H6rd3J9Zuqejyk6U8axO6GAL2ph3g"
STORED_SM4 = "v1:86c33129:5DEOIUtNF56jKXKW:avTNnaIJgPW4UTwt6Lql_pqA49kqYz3ko3TL-onOyWo-Bw"
INDEX_AES = "915a67160b0dc5cff8586783e1046ece"
INDEX_SM4 = "b149fe454623e8d6efbcd5587e09c11b"

both_suites = pytest.mark.parametrize("suite", [AesSuite(), Sm4Suite()])


def ring(suite: Suite, *secrets: bytes) -> KeyRing:
    return KeyRing([MasterKey(suite, secret) for secret in secrets or (FIRST,)])


def column(suite: Suite, *secrets: bytes) -> SealedColumn:
    return ring(suite, *secrets).column("members", "id_no")


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "field.key"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


# Known answers


def test_aes_256_gcm_gives_the_answer_of_the_gcm_specification() -> None:
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    context = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    sealed = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )
    assert AesSuite().seal(key, nonce, plain, context) == sealed
    assert AesSuite().open(key, nonce, sealed, context) == plain


def test_sm4_gcm_gives_the_answer_of_rfc_8998() -> None:
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    nonce = bytes.fromhex("00001234567800000000abcd")
    context = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plain = b"".join(bytes([byte]) * 8 for byte in bytes.fromhex("aabbccddeeffeeaa"))
    sealed = bytes.fromhex(
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    assert Sm4Suite().seal(key, nonce, plain, context) == sealed
    assert Sm4Suite().open(key, nonce, sealed, context) == plain


def test_sm4_gives_the_answer_of_gb_t_32907() -> None:
    block = bytes.fromhex("0123456789abcdeffedcba9876543210")
    encryptor = Cipher(algorithms.SM4(block), modes.ECB()).encryptor()  # noqa: S305 - one bare block
    assert encryptor.update(block).hex() == "681edf34d206965e86b3e94f536e4246"


def test_sm3_gives_the_answer_of_gb_t_32905() -> None:
    digest = hashes.Hash(hashes.SM3())
    digest.update(b"abc")
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert digest.finalize().hex() == expected


def test_hmac_sha256_gives_the_answer_of_rfc_4231() -> None:
    expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert AesSuite().digest(b"\x0b" * 20, b"Hi There").hex() == expected


def test_hmac_sm3_gives_the_answer_of_gm_t_0042() -> None:
    message = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2
    expected = "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a"
    assert Sm4Suite().digest(bytes(range(1, 33)), message).hex() == expected


# Sealing


@both_suites
@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_sealed_value_opens_in_its_own_row(suite: Suite, value: str) -> None:
    sealer = column(suite)
    assert sealer.open(sealer.seal(value, ROW), ROW) == value


@both_suites
def test_the_envelope_names_version_and_key_and_hides_the_value(suite: Suite) -> None:
    version, kid, nonce, sealed = column(suite).seal(NUMBER, ROW).split(":")
    assert (version, kid) == ("v1", MasterKey(suite, FIRST).kid())
    assert (len(nonce), len(sealed)) == (16, 46)


@both_suites
def test_equal_values_seal_differently(suite: Suite) -> None:
    sealer = column(suite)
    assert len({sealer.seal(NUMBER, ROW) for _ in range(100)}) == 100


@both_suites
def test_a_sealed_value_opens_in_no_other_row_column_or_table(suite: Suite) -> None:
    keys = ring(suite)
    envelope = keys.column("members", "id_no").seal(NUMBER, ROW)
    for table, name, row in (
        ("members", "id_no", OTHER_ROW),
        ("members", "account", ROW),
        ("contractors", "id_no", ROW),
    ):
        with pytest.raises(SealBroken):
            keys.column(table, name).open(envelope, row)


@both_suites
def test_one_flipped_bit_anywhere_breaks_the_seal(suite: Suite) -> None:
    sealer = column(suite)
    context = b"members|id_no|row"
    key, nonce = bytes(suite.key_bytes), bytes(12)
    sealed = suite.seal(key, nonce, NUMBER.encode(), context)
    for bit in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidTag):
            suite.open(key, nonce, bytes(flipped), context)
    envelope = sealer.seal(NUMBER, ROW)
    for place in range(len(envelope) - 1):  # of the last character four bits carry nothing
        wrong = envelope[:place] + ("A" if envelope[place] != "A" else "B") + envelope[place + 1 :]
        with pytest.raises(SealBroken):
            sealer.open(wrong, ROW)


@both_suites
@pytest.mark.parametrize(
    "envelope", ["", NUMBER, "v1:::", "v1:a:b:c:d", "v1:00000000:AAAA:", "v1:é:é:é"]
)
def test_what_is_no_envelope_is_refused(suite: Suite, envelope: str) -> None:
    with pytest.raises(SealBroken) as refusal:
        column(suite).open(envelope, ROW)
    assert NUMBER not in str(refusal.value)


@both_suites
def test_an_envelope_without_a_ciphertext_is_refused(suite: Suite) -> None:
    head = column(suite).seal(NUMBER, ROW).rpartition(":")[0]
    with pytest.raises(SealBroken):
        column(suite).open(f"{head}:", ROW)


def test_what_was_sealed_once_opens_for_ever() -> None:
    # A change of derivation or form would lose all data.
    aes, sm4 = column(AesSuite()), column(Sm4Suite())
    assert aes.open(STORED_AES, ROW) == NUMBER
    assert sm4.open(STORED_SM4, ROW) == NUMBER
    assert aes.blind_index(NUMBER).hex() == INDEX_AES
    assert sm4.blind_index(NUMBER).hex() == INDEX_SM4


# Rotation


@both_suites
def test_after_rotation_old_values_open_and_new_ones_use_the_new_key(suite: Suite) -> None:
    old = column(suite, FIRST)
    rotated = column(suite, SECOND, FIRST)
    stored = old.seal(NUMBER, ROW)
    assert rotated.open(stored, ROW) == NUMBER
    assert not rotated.is_current(stored)
    renewed = rotated.seal(rotated.open(stored, ROW), ROW)
    assert rotated.is_current(renewed)
    with pytest.raises(SealBroken):
        old.open(renewed, ROW)


def test_rotation_may_change_the_algorithms() -> None:
    stored = column(AesSuite(), FIRST).seal(NUMBER, ROW)
    keys = KeyRing([MasterKey(Sm4Suite(), SECOND), MasterKey(AesSuite(), FIRST)])
    rotated = keys.column("members", "id_no")
    assert rotated.open(stored, ROW) == NUMBER
    assert rotated.seal(NUMBER, ROW).split(":")[1] == MasterKey(Sm4Suite(), SECOND).kid()


# Blind index


@both_suites
def test_a_blind_index_is_stable_and_bound_to_its_column(suite: Suite) -> None:
    index = column(suite).blind_index(NUMBER)
    assert len(index) == 16
    assert column(suite).blind_index(NUMBER) == index
    assert column(suite).blind_index(NUMBER[:-1] + "X") != index
    assert ring(suite).column("members", "disability_no").blind_index(NUMBER) != index
    assert ring(suite).column("contractors", "id_no").blind_index(NUMBER) != index
    assert column(suite, SECOND).blind_index(NUMBER) != index


@both_suites
def test_during_rotation_a_value_is_found_under_every_key(suite: Suite) -> None:
    rotated = column(suite, SECOND, FIRST)
    assert rotated.blind_indexes(NUMBER) == [
        column(suite, SECOND).blind_index(NUMBER),
        column(suite, FIRST).blind_index(NUMBER),
    ]
    assert rotated.blind_index(NUMBER) == rotated.blind_indexes(NUMBER)[0]


def test_the_keys_of_a_column_are_derived_once() -> None:
    keys = ring(AesSuite())
    assert keys.column("members", "id_no") is keys.column("members", "id_no")


# Key file


@pytest.mark.parametrize(
    ("text", "suite"),
    [
        (FIRST.hex(), AesSuite()),
        (FIRST.hex().upper() + "\n", AesSuite()),
        (f"aes {FIRST.hex()}\n", AesSuite()),
        (f"sm4 {FIRST.hex()}\n", Sm4Suite()),
    ],
)
def test_a_key_file_names_its_algorithms(tmp_path: Path, text: str, suite: Suite) -> None:
    loaded = load_key_ring(key_file(tmp_path, text)).column("members", "id_no")
    row = new_id()
    assert column(suite).open(loaded.seal(NUMBER, row), row) == NUMBER


def test_the_first_line_of_a_key_file_seals_and_all_open(tmp_path: Path) -> None:
    loaded = load_key_ring(key_file(tmp_path, f"{SECOND.hex()}\n\n{FIRST.hex()}\n"))
    sealer = loaded.column("members", "id_no")
    assert sealer.open(column(AesSuite(), FIRST).seal(NUMBER, ROW), ROW) == NUMBER
    assert sealer.is_current(column(AesSuite(), SECOND).seal(NUMBER, ROW))


@pytest.mark.parametrize(
    "text",
    ["", "\n", FIRST.hex()[:-2], FIRST.hex() + "00", "z" * 64, f"des {FIRST.hex()}", "密" * 64],
)
def test_a_malformed_key_file_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyFileRejected) as refusal:
        load_key_ring(key_file(tmp_path, text))
    assert "field.key" in str(refusal.value)
    assert FIRST.hex()[:16] not in str(refusal.value)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o620, 0o666, 0o777])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyFileRejected, match="600"):
        load_key_ring(key_file(tmp_path, FIRST.hex(), mode))


def test_a_mounted_secret_readable_by_its_group_is_accepted(tmp_path: Path) -> None:
    assert load_key_ring(key_file(tmp_path, FIRST.hex(), 0o440))


def test_a_missing_key_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileRejected, match="No such file"):
        load_key_ring(tmp_path / "absent.key")


def test_a_key_ring_without_a_key_is_refused() -> None:
    with pytest.raises(KeyFileRejected):
        KeyRing([])


def test_a_master_key_does_not_show_itself() -> None:
    assert "secret" not in repr(MasterKey(AesSuite(), FIRST))


# Masks


@pytest.mark.parametrize(
    ("masked", "shown"),
    [
        (mask_resident_id(NUMBER), "511132********9015"),
        (mask_resident_id("5111329015"), "**********"),
        (mask_phone("19900000001"), "199****0001"),
        (mask_phone("1990000"), "*******"),
        (mask_account("6228480000000000018"), "***************0018"),
        (mask_account("0018"), "****"),
        (mask_name("阿尔·木果"), "阿****"),
        (mask_name("张三"), "张*"),
        (mask_name("张"), "*"),
        (mask_name(""), ""),
    ],
)
def test_masks_keep_only_what_the_rule_shows(masked: str, shown: str) -> None:
    assert masked == shown


@pytest.mark.parametrize(
    "text",
    [
        "电话19900000001",
        "199 0000 0001",
        "199-0000-0001",
        "8619900000001",
        "+86 199 0000 0001",
        "+86-19900000001。",
        "511132198001019015",
        "51113219800101901x",
        "卡号6228480000000000018",
    ],
)
def test_identifiers_are_found_in_the_forms_people_write(text: str) -> None:
    assert holds_identifier(text)
    assert not holds_identifier(without_identifiers(text, "〔已隐去〕"))


@pytest.mark.parametrize(
    "text",
    [
        "511132-2026-0001000",
        "01a20394-3e7a-7225-8143-8614c2673fb2",
        "13800001-2345-7678-9012-345678901234",
        "2026-11-22 14:06:16",
        "HOUS@511132201205",
        "513,800.00元",
    ],
)
def test_numbers_of_problems_events_and_places_are_none(text: str) -> None:
    assert not holds_identifier(text)
