"""Pydantic's refusals as field errors: the place as it was sent, a stable code, what is allowed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.errors import FieldError

JSON_INVALID = ("JSON_INVALID", "不是有效的 JSON。", "Not valid JSON.")

# Pydantic's error types to stable codes; a type in upper case is one of our own codes already.
_CODES = {
    "missing": ("REQUIRED", "必填。", "Required."),
    "extra_forbidden": ("UNKNOWN_FIELD", "没有此字段。", "There is no such field."),
    "unexpected_keyword_argument": ("UNKNOWN_FIELD", "没有此字段。", "There is no such field."),
    "json_invalid": JSON_INVALID,
    "enum": ("UNKNOWN_VALUE", "不在允许的取值之内。", "Not one of the allowed values."),
    "literal_error": ("UNKNOWN_VALUE", "不在允许的取值之内。", "Not one of the allowed values."),
    "union_tag_invalid": (
        "UNKNOWN_VALUE",
        "不在允许的取值之内。",
        "Not one of the allowed values.",
    ),
    "union_tag_not_found": ("REQUIRED", "必填。", "Required."),
    "string_too_long": ("TOO_LONG", "过长。", "Too long."),
    "string_too_short": ("TOO_SHORT", "过短。", "Too short."),
    "too_long": ("TOO_MANY", "条目过多。", "Too many items."),
    "too_short": ("TOO_FEW", "条目过少。", "Too few items."),
    "string_pattern_mismatch": ("FORMAT", "格式不符。", "It does not have the required form."),
}
_PREFIXES = (
    ("timezone", ("DATE_INVALID", "须带时区，如+08:00。", "A zone is required, as in +08:00.")),
    ("date", ("DATE_INVALID", "不是有效的日期。", "Not a valid date.")),
    ("time", ("DATE_INVALID", "不是有效的时间。", "Not a valid time.")),
    ("uuid", ("ID_INVALID", "不是有效的标识。", "Not a valid identifier.")),
    ("int", ("NUMBER_INVALID", "不是有效的整数。", "Not a valid whole number.")),
    ("decimal", ("NUMBER_INVALID", "不是有效的数值。", "Not a valid number.")),
    ("float", ("NUMBER_INVALID", "不是有效的数值。", "Not a valid number.")),
    ("greater", ("OUT_OF_RANGE", "超出允许范围。", "Outside the allowed range.")),
    ("less", ("OUT_OF_RANGE", "超出允许范围。", "Outside the allowed range.")),
    ("bool", ("TYPE_INVALID", "应为布尔值。", "A boolean is expected.")),
)
_OTHER = ("TYPE_INVALID", "类型或格式不符。", "It has a wrong type or form.")
# What a declaration allows, as Pydantic tells it: the member of `ctx`, and what to say of it.
_ALLOWED = {
    "enum": ("expected", "允许的取值：{}。", "Allowed values: {}."),
    "literal_error": ("expected", "允许的取值：{}。", "Allowed values: {}."),
    "union_tag_invalid": ("expected_tags", "允许的取值：{}。", "Allowed values: {}."),
    "greater_than": ("gt", "须大于{}。", "It must be greater than {}."),
    "greater_than_equal": ("ge", "不得小于{}。", "It must be at least {}."),
    "less_than": ("lt", "须小于{}。", "It must be less than {}."),
    "less_than_equal": ("le", "不得大于{}。", "It must be at most {}."),
    "string_too_long": ("max_length", "最多{}个字符。", "Characters: at most {}."),
    "string_too_short": ("min_length", "至少{}个字符。", "Characters: at least {}."),
    "too_long": ("max_length", "最多{}条。", "Items: at most {}."),
    "too_short": ("min_length", "至少{}条。", "Items: at least {}."),
}
_QUOTED = re.compile("'([^']*)'")


def field_errors(
    details: Iterable[Mapping[str, Any]], *, skip: int = 1, body: Any = None
) -> list[FieldError]:
    """Pydantic's error details as field errors: place, code and what was declared, never the input.

    `skip` drops the leading parts of the place ("body", "query"); what is left is the place in
    `body`, where that is known.
    """
    return [_field_error(detail, skip, body) for detail in details]


def _field_error(detail: Mapping[str, Any], skip: int, body: Any) -> FieldError:
    kind = detail["type"]
    parts = _as_sent(detail["loc"][skip:], body) or [str(part) for part in detail["loc"]]
    if kind.startswith("union_tag_"):
        parts.append(detail["ctx"]["discriminator"].strip("'"))
    place = ".".join(parts) or "body"
    if kind.isupper():  # one of our own codes, raised with a Chinese message
        message = detail["msg"]
        english = detail.get("ctx", {}).get("en", message)
        return FieldError(place, kind, message, english)
    code, zh, en = _CODES.get(kind) or next(
        (texts for prefix, texts in _PREFIXES if kind.startswith(prefix)), _OTHER
    )
    return FieldError(place, code, *(_allowed(kind, detail.get("ctx", {})) or (zh, en)))


def _allowed(kind: str, context: Mapping[str, Any]) -> tuple[str, str] | None:
    """What the declaration allows instead, in Chinese and English; None where it says nothing."""
    member, zh, en = _ALLOWED.get(kind, ("", "", ""))
    if member not in context:
        return None
    declared = str(context[member])
    values = _QUOTED.findall(declared) or [declared]
    return zh.format("、".join(values)), en.format(", ".join(values))


def _as_sent(place: Sequence[str | int], body: Any) -> list[str]:
    """A place without the names that Pydantic puts between those of fields: which of several forms
    it took the value for."""
    sent = []
    for part in place[:-1]:
        if isinstance(body, Mapping) and part not in body:
            continue
        sent.append(str(part))
        is_within = isinstance(body, Mapping) or (isinstance(body, list) and isinstance(part, int))
        body = body[part] if is_within else None
    return sent + [str(part) for part in place[-1:]]
