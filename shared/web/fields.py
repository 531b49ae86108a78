"""Field types of request and answer models: each checks one plain value and names a stable code.

A refusal is a Pydantic error whose type is the code, whose message is Chinese and whose context
holds the English text under "en". Neither repeats the input.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from shared import clock, money, names, regions, validators
from shared.errors import Invalid


class DateInvalid(Invalid):
    """The date or time is malformed."""

    code = "DATE_INVALID"
    zh = "日期应写作2019-09-16的形式，时间另带时刻和时区。"
    en = "A date is written as in 2019-09-16, an instant with its time and zone."


def leaves_out_defaults(schema: dict[str, Any]) -> None:
    """`json_schema_extra` of a body in which what is left out stays as it is: a generated client
    sends the defaults that a schema names, and would overwrite what stands."""
    for described in schema["properties"].values():
        described.pop("default", None)


def _refused(refusal: Invalid | type[Invalid]) -> PydanticCustomError:
    return PydanticCustomError(refusal.code, refusal.zh, {"en": refusal.en})


def _text(parse: Callable[[str], str], malformed: type[Invalid]) -> BeforeValidator:
    """Text that `parse` brings into normal form; what is not text is `malformed`."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise _refused(malformed)
        try:
            return parse(value)
        except Invalid as refusal:
            raise _refused(refusal) from None

    return BeforeValidator(check)


def _decimal(parse: Callable[[str], Decimal], malformed: type[Invalid]) -> BeforeValidator:
    """A decimal that `parse` reads from text or a whole number; a float is `malformed`.

    Decimals are our own results on their way out: they pass as they are, unrounded.
    """

    def check(value: object) -> Decimal:
        if isinstance(value, Decimal):
            return value
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise _refused(malformed)
        try:
            return parse(str(value))
        except Invalid as refusal:
            raise _refused(refusal) from None

    return BeforeValidator(check)


def _schema(example: str, description: str, pattern: str | None = None) -> WithJsonSchema:
    schema = {"type": "string", "description": description, "examples": [example]}
    return WithJsonSchema(schema | ({"pattern": pattern} if pattern else {}))


_STORABLE = r"^[^\x00]*$"  # PostgreSQL holds no NUL

Title = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=_STORABLE),
]
"""A line of text, of 200 characters at most."""

Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, strip_whitespace=True, pattern=_STORABLE),
]
"""A text of 2,000 characters at most."""

_NUMBER = re.compile(r"\s*[-+]?[0-9.]+\s*")


def _written_out(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise _refused(DateInvalid)
    return value


# Pydantic takes a number for seconds since 1970: 20190916 would be a day of August 1970.
_WRITTEN_OUT = BeforeValidator(_written_out)

Day = Annotated[date, _WRITTEN_OUT, Field(description="日期", examples=["2019-09-16"])]
"""A date as in "2019-09-16"; DATE_INVALID, also for a number."""


def _in_calendar(instant: datetime) -> datetime:
    try:
        instant.astimezone(UTC)
    except OverflowError:
        raise _refused(DateInvalid) from None
    return instant


Instant = Annotated[
    AwareDatetime,
    _WRITTEN_OUT,
    AfterValidator(_in_calendar),
    Field(description="时刻，带时区", examples=["2019-09-16T10:00:00+08:00"]),
]
"""An instant with a zone, as in RFC 3339; DATE_INVALID, also for a number."""

_as_text = PlainSerializer(money.display, return_type=str, when_used="json")


def _resident_id(text: str) -> str:
    return validators.parse_resident_id(text, clock.today()).number


def _person_name(text: str) -> str:
    return names.parse_person_name(text).normalised


ResidentId = Annotated[
    str,
    _text(_resident_id, validators.IdFormat),
    _schema("511132198001019015", "公民身份号码（GB 11643），18位"),
]
"""A resident id number in normal form; ID_FORMAT, ID_CHECKSUM, ID_DATE."""

Uscc = Annotated[
    str,
    _text(validators.parse_uscc, validators.UsccChecksum),
    _schema("91511132900000014R", "统一社会信用代码（GB 32100），18位"),
]
"""A unified social credit code; USCC_CHECKSUM."""

BankCard = Annotated[
    str,
    _text(validators.parse_bank_card, validators.AccountInvalid),
    _schema("6228480000000000018", "银行卡号，12至19位"),
]
"""A bank card number; ACCOUNT_INVALID."""

Mobile = Annotated[
    str,
    _text(validators.parse_mobile, validators.PhoneInvalid),
    _schema("19900000001", "手机号码，11位", "^1[3-9][0-9]{9}$"),
]
"""A mobile number; PHONE_INVALID."""

RegionCode = Annotated[
    str,
    _text(regions.parse_region_code, regions.RegionCodeInvalid),
    _schema(
        "511132201205",
        "行政区划代码：省2、市4、县6、乡9、村12位",
        "^[1-9][0-9]([0-9]{2}([0-9]{2}([0-9]{3}([0-9]{3})?)?)?)?$",
    ),
]
"""A region code of any level; REGION_CODE_INVALID. Whether it exists is for the service to ask."""

VillageCode = Annotated[
    str, StringConstraints(pattern="^[1-9][0-9]{11}$"), Field(examples=["511132201205"])
]
"""A village's code, 12 digits."""

OrganisationCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2,12}@[1-9][0-9]([0-9]{2}|[0-9]{4}|[0-9]{7}|[0-9]{10})?$"),
    Field(description="单位：部门代码@区划代码", examples=["HOUS@511132"]),
]
"""An organisation: a unit of a region."""

PersonName = Annotated[
    str,
    _text(_person_name, names.NameInvalid),
    _schema("阿尔·木果", "姓名，1至50个字符，间隔号为·"),
]
"""A person's name in normal form; NAME_INVALID."""

Money = Annotated[
    Decimal,
    _decimal(money.parse_yuan, money.AmountInvalid),
    _as_text,
    _schema("10000.00", "金额，单位元", r"^-?[0-9]+(\.[0-9]{1,2})?$"),
]
"""Yuan, not negative on the way in; "10000.00" on the way out; AMOUNT_INVALID, AMOUNT_NEGATIVE."""

Percent = Annotated[
    Decimal,
    _decimal(money.parse_percent, money.PercentInvalid),
    _as_text,
    _schema("65.11", "百分比", r"^-?[0-9]+(\.[0-9]{1,2})?$"),
]
"""Per cent, 0 to 100 on the way in; "65.11" on the way out; PERCENT_INVALID."""
