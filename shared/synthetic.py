"""Numbers of invented people, organisations and accounts for tests and demonstrations.

All pass the checks of `shared.validators` and none belongs to anybody: resident ids use the
sequence numbers 900-999, mobile numbers the block 1990000.
"""

from datetime import date

from shared.validators import Sex, id_check_character, luhn_check_digit, uscc_check_character

ID_ORDINALS = 50
MOBILE_ORDINALS = 10_000

_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_CHECKS = "0123456789X"


def make_resident_id(prefix6: str, birth_date: date, sex: Sex, ordinal: int) -> str:
    """A resident id number; `ordinal` 0-49 tells people of one county, birthday and sex apart."""
    if not 0 <= ordinal < ID_ORDINALS:
        raise ValueError(f"ordinal must be below {ID_ORDINALS}")
    sequence = 900 + 2 * ordinal + (sex is Sex.MALE)
    first17 = f"{prefix6}{birth_date:%Y%m%d}{sequence}"
    return first17 + id_check_character(first17)


def make_uscc(prefix6: str, ordinal: int) -> str:
    """A unified social credit code of an enterprise (91) registered in county `prefix6`.

    Its organisation code carries its own check digit (GB 11714), MOD 11 with 10 written X.
    """
    organisation = f"9{ordinal:07d}"
    total = sum(int(d) * w for d, w in zip(organisation, _ORGANISATION_WEIGHTS, strict=True))
    first17 = f"91{prefix6}{organisation}{_ORGANISATION_CHECKS[-total % 11]}"
    return first17 + uscc_check_character(first17)


def make_bank_card(ordinal: int) -> str:
    """A 19-digit bank card number."""
    digits = f"622848{ordinal:012d}"
    return digits + luhn_check_digit(digits)


def make_mobile(ordinal: int) -> str:
    """A mobile number; `ordinal` 0-9999."""
    if not 0 <= ordinal < MOBILE_ORDINALS:
        raise ValueError(f"ordinal must be below {MOBILE_ORDINALS}")
    return f"1990000{ordinal:04d}"
