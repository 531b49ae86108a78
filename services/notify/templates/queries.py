"""What a template would say: example data of the events that lead to it, filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlmodel import col, select

from services.notify.mirror.domain import short_place
from services.notify.mirror.tables import Region
from services.notify.queues.domain.alert_words import SAMPLES
from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.templates import Template, Values
from services.notify.queues.domain.words import INFORMATION, VARIABLES, render
from services.notify.queues.wordings import (
    WORDINGS,
    fields_of,
    sources_of,
    template_in_force,
    variables_of,
)
from services.notify.templates.domain import example_of, meaning_of
from shared.configuration import Configuration
from shared.database import ReadSession
from shared.errors import FieldError, Invalid


class SampleDataInvalid(Invalid):
    """The sample data do not fit the events of this purpose."""

    code = "TEMPLATE_DATA_INVALID"
    zh = "示例数据与此类消息的事件字段不符。"
    en = "The sample data do not fit the fields of the events of this purpose."


@dataclass(frozen=True, slots=True)
class Named:
    """A variable with what it means and an example of what it says."""

    name: str
    meaning: str
    example: str


@dataclass(frozen=True, slots=True)
class Offered:
    """The template in force of a purpose, what it is configured by, and what it may name."""

    purpose: Purpose
    key: str
    template: Template
    variables: list[Named]
    event_types: list[str]


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says: to who acts, and to who gets a copy."""

    title: str
    text: str
    copy: str


async def list_templates(
    session: ReadSession, configuration: Configuration, region: str, on: date
) -> list[Offered]:
    """The template in force of every purpose for the organisations of a region."""
    place = await _place(session, region)
    return [_offered(configuration, purpose, region, on, place) for purpose in Purpose]


async def preview(
    session: ReadSession,
    purpose: Purpose,
    template: Template,
    region: str,
    given: Mapping[str, Any],
) -> Said:
    """What a template says of example data, in which those `given` stand in place of the examples.

    Raises `SampleDataInvalid`.
    """
    data = _example_data(purpose, region, given)
    place = await _place(
        session, str(data.get("village_code") or data.get("region_code") or region)
    )
    acting, copied = (
        render(purpose, template, {**data, INFORMATION: information}, place)
        for information in (False, True)
    )
    return Said(acting["title"], acting["text"], copied["text"])


def _offered(
    configuration: Configuration, purpose: Purpose, region: str, on: date, place: str
) -> Offered:
    values = Values(
        VARIABLES[purpose], {**_example_data(purpose, region, {}), INFORMATION: True}, place
    )
    return Offered(
        purpose,
        WORDINGS[purpose].key,
        template_in_force(configuration, purpose, region, on),
        [
            Named(name, meaning or meaning_of(name), values[name])
            for name, meaning in variables_of(purpose).items()
        ],
        [source.wire_type for source in sources_of(purpose)],
    )


def _example_data(purpose: Purpose, region: str, given: Mapping[str, Any]) -> dict[str, Any]:
    fields = fields_of(purpose)
    checked, errors = _checked(fields, given)
    if errors:
        raise SampleDataInvalid(errors=errors)
    samples = SAMPLES.get(purpose, ({},))
    sample = next((one for one in samples if one.get("alert") == given.get("alert")), samples[0])
    # A whole event of the first kind, also with what others that lead to the purpose lack.
    whole = {name: field.annotation for name, field in sources_of(purpose)[0].model_fields.items()}
    fields = fields if purpose is Purpose.REMINDER else {**whole, **fields}
    places = {name: region for name in ("village_code", "region_code") if name in fields}
    examples = {name: _example(name, annotation, region) for name, annotation in fields.items()}
    return {**examples, **sample, **places, **checked}


def _example(name: str, annotation: Any, region: str) -> Any:
    """An example of a field; of one that holds an object, the object's own defaults."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {
            inner: example_of(inner, field.annotation, region)
            for inner, field in annotation.model_fields.items()
        }
    return example_of(name, annotation, region)


def _checked(
    fields: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[FieldError]]:
    checked, errors = {}, []
    for name, value in given.items():
        try:
            adapter = TypeAdapter(fields[name])
            checked[name] = adapter.dump_python(adapter.validate_python(value), mode="json")
        except (KeyError, ValidationError):
            # The name of a field that exists; another one may be anything that was typed.
            path = f"data.{name}" if name in fields else "data"
            code, zh, en = SampleDataInvalid.code, SampleDataInvalid.zh, SampleDataInvalid.en
            errors.append(FieldError(path, code, zh, en))
    return checked, errors


async def _place(session: ReadSession, code: str) -> str:
    codes = [code[:6], code[:9], code]
    names = await session.scalars(
        select(Region.name).where(col(Region.code).in_(codes)).order_by(col(Region.code))
    )
    return short_place("".join(names))
