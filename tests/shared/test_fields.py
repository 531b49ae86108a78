"""Field types refuse by stable code, in two languages, without repeating the input."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel, ValidationError

from shared import clock
from shared.synthetic import make_bank_card, make_mobile, make_resident_id, make_uscc
from shared.validators import Sex
from shared.web.fields import (
    BankCard,
    Day,
    Instant,
    Mobile,
    Money,
    Percent,
    PersonName,
    RegionCode,
    ResidentId,
    Uscc,
)


class Form(BaseModel):
    """One field of each type."""

    resident_id: ResidentId | None = None
    uscc: Uscc | None = None
    bank_card: BankCard | None = None
    mobile: Mobile | None = None
    region: RegionCode | None = None
    name: PersonName | None = None
    money: Money | None = None
    percent: Percent | None = None
    day: Day | None = None
    instant: Instant | None = None


ID_NUMBER = make_resident_id("511132", clock.today(), Sex.MALE, 0)
# Each would be an instant of 1970, where it is taken for seconds.
NUMBERS = (86_400, 86_400.0, "20190916", " 86400 ", "-86400")


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("resident_id", ID_NUMBER.lower(), ID_NUMBER),
        ("uscc", make_uscc("511132", 1).lower(), make_uscc("511132", 1)),
        ("bank_card", make_bank_card(1), make_bank_card(1)),
        ("mobile", make_mobile(1), make_mobile(1)),
        ("region", "511132201205", "511132201205"),
        ("name", "阿尔•木果", "阿尔·木果"),
        ("money", "10000.5", Decimal("10000.50")),
        ("money", 10000, Decimal(10000)),
        ("percent", "65.11", Decimal("65.11")),
        ("day", "2019-09-16", date(2019, 9, 16)),
        ("instant", "2019-09-16T08:00:00Z", datetime(2019, 9, 16, 8, tzinfo=UTC)),
    ],
)
def test_a_good_value_arrives_in_normal_form(field: str, value: object, kept: object) -> None:
    assert getattr(Form.model_validate({field: value}), field) == kept


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("resident_id", "51113219800101901", "ID_FORMAT"),
        ("resident_id", 5.11132198001019e17, "ID_FORMAT"),
        ("resident_id", "511132198001019016", "ID_CHECKSUM"),
        ("resident_id", make_resident_id("511132", date(2150, 1, 1), Sex.MALE, 0), "ID_DATE"),
        ("uscc", "91511132900000014A", "USCC_CHECKSUM"),
        ("bank_card", "6228480000000000019", "ACCOUNT_INVALID"),
        ("mobile", "12900000001", "PHONE_INVALID"),
        ("mobile", 19900000001, "PHONE_INVALID"),
        ("region", "51113", "REGION_CODE_INVALID"),
        ("name", "张\u200b三", "NAME_INVALID"),
        *((field, value, "DATE_INVALID") for field in ("day", "instant") for value in NUMBERS),
        ("instant", "0001-01-01T00:00:00+14:00", "DATE_INVALID"),
        ("instant", "9999-12-31T23:59:59-14:00", "DATE_INVALID"),
        ("money", "1.234", "AMOUNT_INVALID"),
        ("money", "-1.00", "AMOUNT_NEGATIVE"),
        ("money", 1.5, "AMOUNT_INVALID"),
        ("money", True, "AMOUNT_INVALID"),
        ("money", float("nan"), "AMOUNT_INVALID"),
        ("percent", "100.01", "PERCENT_INVALID"),
        ("percent", 50.0, "PERCENT_INVALID"),
    ],
)
def test_a_bad_value_is_refused_by_its_code(field: str, value: object, code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Form.model_validate({field: value})
    [error] = refusal.value.errors()
    assert error["type"] == code
    assert error["ctx"]["en"].isascii()
    assert not error["msg"].isascii()
    assert str(value) not in error["msg"] + error["ctx"]["en"]


def test_computed_decimals_go_out_rounded_half_up_to_two_places() -> None:
    form = Form(money=Decimal("-3749.995"), percent=Decimal(553600) / 5873)
    assert form.model_dump(mode="json", exclude_none=True) == {
        "money": "-3750.00",
        "percent": "94.26",
    }
    assert form.percent == Decimal(553600) / 5873


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_every_field_is_a_described_string_with_a_valid_example(mode: str) -> None:
    schema = Form.model_json_schema(mode="validation" if mode == "validation" else "serialization")
    for name, field in schema["properties"].items():
        described = field["anyOf"][0]
        assert described["type"] == "string"
        assert described["description"]
        Form.model_validate({name: described["examples"][0]})
