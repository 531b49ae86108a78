"""What a refusal of a field says: what is allowed instead, and never what was sent."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from shared.testing import RunningApp
from shared.web.field_errors import field_errors

OPERATOR = ("OPS@511132", "ops")


class Colour(StrEnum):
    """Two values."""

    RED = "RED"
    BLUE = "BLUE"


class Circle(BaseModel):
    """One of two forms."""

    form: Literal["circle"]


class Square(BaseModel):
    """The other one."""

    form: Literal["square"]


class Form(BaseModel):
    """A field of each kind of limit."""

    colour: Colour | None = None
    unit: Literal["day", "week"] | None = None
    shape: Annotated[Circle | Square, Field(discriminator="form")] | None = None
    limit: int = Field(50, ge=1, le=200)
    share: Decimal = Field(Decimal(10), gt=0, lt=100)
    name: str = Field("赵钱", min_length=2, max_length=5)
    ids: list[int] = Field([1], min_length=1, max_length=2)
    at: AwareDatetime | None = None


SENT = "511132195603120010"
REFUSED: list[tuple[dict[str, Any], str, str, str, str]] = [
    (
        {"colour": SENT},
        "colour",
        "UNKNOWN_VALUE",
        "允许的取值：RED、BLUE。",
        "Allowed values: RED, BLUE.",
    ),
    (
        {"unit": SENT},
        "unit",
        "UNKNOWN_VALUE",
        "允许的取值：day、week。",
        "Allowed values: day, week.",
    ),
    (
        *({"shape": {"form": SENT}}, "shape.form", "UNKNOWN_VALUE"),
        *("允许的取值：circle、square。", "Allowed values: circle, square."),
    ),
    ({"limit": 0}, "limit", "OUT_OF_RANGE", "不得小于1。", "It must be at least 1."),
    ({"limit": 201}, "limit", "OUT_OF_RANGE", "不得大于200。", "It must be at most 200."),
    ({"share": 0}, "share", "OUT_OF_RANGE", "须大于0。", "It must be greater than 0."),
    ({"share": 100}, "share", "OUT_OF_RANGE", "须小于100。", "It must be less than 100."),
    ({"name": "赵"}, "name", "TOO_SHORT", "至少2个字符。", "Characters: at least 2."),
    ({"name": SENT}, "name", "TOO_LONG", "最多5个字符。", "Characters: at most 5."),
    ({"ids": []}, "ids", "TOO_FEW", "至少1条。", "Items: at least 1."),
    ({"ids": [1, 2, 3]}, "ids", "TOO_MANY", "最多2条。", "Items: at most 2."),
    (
        *({"at": "2019-09-16T10:00:00"}, "at", "DATE_INVALID"),
        *("须带时区，如+08:00。", "A zone is required, as in +08:00."),
    ),
]


@pytest.mark.parametrize(("sent", "field", "code", "chinese", "english"), REFUSED)
def test_a_refused_field_is_told_what_is_allowed(
    sent: dict[str, Any], field: str, code: str, chinese: str, english: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate(sent)
    (error,) = field_errors(caught.value.errors(), skip=0, body=sent)
    assert (error.field, error.code) == (field, code)
    assert (error.message("zh"), error.message("en")) == (chinese, english)
    assert SENT not in repr(error)


@pytest.mark.parametrize("half", [{"aggregate_type": "inspection.problem"}, {"aggregate_id": "x"}])
async def test_half_a_subject_does_not_replay_everything(
    toy: RunningApp, half: dict[str, str]
) -> None:
    replay = "/api/v1/ops/parked-events/replay"
    headers = toy.headers(*OPERATOR)
    answer = await toy.client.post(replay, json=half, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "SUBJECT_INCOMPLETE")
    for whole in ({}, {"aggregate_type": "inspection.problem", "aggregate_id": "x"}):
        answer = await toy.client.post(replay, json=whole, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"applied": 0})
