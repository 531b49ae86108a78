"""Checks of the numbers that identify people, organisations, accounts and telephones.

Every parser folds full-width forms and lower-case letters, drops surrounding blanks, returns the
normal form and raises a refusal with a stable code. No refusal repeats its input.
"""

import re
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from shared.errors import FieldError, Invalid


class Sex(StrEnum):
    """Sex as the interface writes it."""

    MALE = "M"
    FEMALE = "F"


class IdFormat(Invalid):
    """The resident id number is malformed."""

    code = "ID_FORMAT"
    zh = "公民身份号码应为18位：前17位为数字，末位为数字或X。"
    en = "A resident id number has 17 digits and a last character that is a digit or X."


class IdChecksum(Invalid):
    """The check character of the resident id number is wrong."""

    code = "ID_CHECKSUM"
    zh = "公民身份号码校验码不正确，请核对是否抄错。"
    en = "The check character of the resident id number does not match its digits."


class IdDate(Invalid):
    """The birth date in the resident id number is impossible."""

    code = "ID_DATE"
    zh = "公民身份号码中的出生日期不存在、晚于今天或早于130年前。"
    en = "The birth date in the resident id number does not exist, is in the future or too old."


class IdSexMismatch(Invalid):
    """The resident id number belongs to the other sex."""

    code = "ID_SEX_MISMATCH"
    zh = "公民身份号码第17位与填写的性别不一致。"
    en = "The 17th digit of the resident id number contradicts the sex given."


class UsccChecksum(Invalid):
    """The unified social credit code is wrong."""

    code = "USCC_CHECKSUM"
    zh = "统一社会信用代码应为18位且校验码正确。"
    en = "A unified social credit code has 18 characters and a matching check character."


class AccountInvalid(Invalid):
    """The bank card number is wrong."""

    code = "ACCOUNT_INVALID"
    zh = "银行卡号应为12至19位数字且校验位正确。"
    en = "A bank card number has 12 to 19 digits and a matching check digit."


class PhoneInvalid(Invalid):
    """The mobile number is malformed."""

    code = "PHONE_INVALID"
    zh = "手机号码应为1开头的11位数字。"
    en = "A mobile number has 11 digits, the first 1 and the second 3 to 9."


@dataclass(frozen=True, slots=True)
class Identity:
    """What a checked resident id number says; the number itself stays out of the repr."""

    number: str = field(repr=False)
    birth_date: date
    sex: Sex
    prefix6: str

    def age_on(self, day: date) -> int:
        """Full years of life on `day`."""
        return years_between(self.birth_date, day)


AGE_LIMIT = 130

_ID = re.compile(r"[1-9][0-9]{16}[0-9X]")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"

# Digits and capitals without I, O, S, V, Z; a character's value is its place.
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_VALUES = {character: value for value, character in enumerate(_USCC_ALPHABET)}
_USCC = re.compile(f"[{_USCC_ALPHABET}]{{2}}[0-9]{{6}}[{_USCC_ALPHABET}]{{10}}")
_USCC_WEIGHTS = tuple(3**place % 31 for place in range(17))

_CARD = re.compile(r"[1-9][0-9]{11,18}")
_DOUBLED = str.maketrans("0123456789", "0246813579")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")

_FULL_WIDTH = {0xFF01 + offset: 0x21 + offset for offset in range(94)}


def years_between(start: date, end: date) -> int:
    """The full years from `start` to `end`."""
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def id_check_character(first17: str) -> str:
    """The 18th character of a resident id number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, _ID_WEIGHTS, strict=True))
    return _ID_CHECKS[total % 11]


def uscc_check_character(first17: str) -> str:
    """The 18th character of a unified social credit code (GB 32100-2015)."""
    total = sum(
        _USCC_VALUES[character] * weight
        for character, weight in zip(first17, _USCC_WEIGHTS, strict=True)
    )
    return _USCC_ALPHABET[-total % 31]


def luhn_check_digit(digits: str) -> str:
    """The digit that completes `digits` to a bank card number (ISO/IEC 7812-1)."""
    total = sum(map(int, digits[-1::-2].translate(_DOUBLED))) + sum(map(int, digits[-2::-2]))
    return str(-total % 10)


def parse_resident_id(text: str, today: date, sex: Sex | None = None) -> Identity:
    """The identity behind an 18-character resident id number (H-02).

    Raises `IdFormat`, `IdChecksum`, `IdDate` (no such day, after `today`, or 130 years ago) and,
    when `sex` is given, `IdSexMismatch`. The region prefix is no ground for refusal: codes change,
    see `region_warning`.
    """
    number = _folded(text)
    if not _ID.fullmatch(number):
        raise IdFormat
    if number[17] != id_check_character(number[:17]):
        raise IdChecksum
    birth_date = _birth_date(number, today)
    own_sex = Sex.MALE if int(number[16]) % 2 else Sex.FEMALE
    if sex is not None and sex is not own_sex:
        raise IdSexMismatch
    return Identity(number, birth_date, own_sex, number[:6])


def region_warning(
    identity: Identity, counties: Container[str], field_path: str
) -> FieldError | None:
    """The warning `ID_REGION_UNKNOWN` when the prefix is none of `counties`, else None (H-02)."""
    if identity.prefix6 in counties:
        return None
    return FieldError(
        field_path,
        "ID_REGION_UNKNOWN",
        "公民身份号码前6位不在现行区划表中，可能是已撤并的旧代码，请核对。",
        "The first six digits are no present county; they may be a former code.",
    )


def parse_uscc(text: str) -> str:
    """A unified social credit code in capitals; raises `UsccChecksum`."""
    code = _folded(text)
    if not _USCC.fullmatch(code) or code[17] != uscc_check_character(code[:17]):
        raise UsccChecksum
    return code


def parse_bank_card(text: str) -> str:
    """A bank card number as digits, blanks between groups dropped; raises `AccountInvalid`."""
    number = _folded(text).replace(" ", "")
    if not _CARD.fullmatch(number) or number[-1] != luhn_check_digit(number[:-1]):
        raise AccountInvalid
    return number


def parse_mobile(text: str) -> str:
    """A mobile number of mainland China as 11 digits; raises `PhoneInvalid`."""
    number = _folded(text)
    if not _MOBILE.fullmatch(number):
        raise PhoneInvalid
    return number


def _folded(text: str) -> str:
    return text.translate(_FULL_WIDTH).strip().upper()


def _birth_date(number: str, today: date) -> date:
    try:
        birth_date = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise IdDate from None
    if birth_date > today or years_between(birth_date, today) >= AGE_LIMIT:
        raise IdDate
    return birth_date
