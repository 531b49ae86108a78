"""What requests of the register carry beyond a plain body: `If-Match`, and rows read one by one."""

import re
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header
from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from services.households.register.forms import Reasoned
from shared.errors import field_error

_ETAG = re.compile(r'(?:W/)?"?([1-9][0-9]{0,8})"?')

FormT = TypeVar("FormT", bound=Reasoned)


class DocumentedAs:
    """Marks JSON that is described as `model` but validated further in, where every field's error
    can be told together with those that only the database knows."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate as the annotated type."""
        return handler(source)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe as the model."""
        return handler(self._model.__pydantic_core_schema__)


def _expected_version(if_match: Annotated[str | None, Header()] = None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    matched = _ETAG.fullmatch(if_match.strip())
    if matched is None:
        raise field_error(
            "if-match",
            "VERSION_INVALID",
            "If-Match 应为读取时的版本号。",
            "If-Match holds the version that was read.",
        )
    return int(matched[1])


ExpectedVersion = Annotated[int | None, Depends(_expected_version)]
"""The version in `If-Match`, None without the header."""


def with_version(form: FormT, expected: int | None) -> FormT:
    """`form` with the version of `If-Match` where the body names none."""
    if form.version is not None or expected is None:
        return form
    return form.model_copy(update={"version": expected})
