"""Pydantic's refusals as field errors: the place as it was sent, a stable code, what is allowed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.errors import FieldError

JSON_INVALID = ("JSON_INVALID", "不是有效的 JSON。", "Not valid JSON.")

# Pydantic's error types to stable codes and what is said of them; braces hold what the declaration
# allows, a member of `ctx`. A type in upper case is one of our own codes already.
_UNKNOWN_FIELD = ("UNKNOWN_FIELD", "没有此字段。", "There is no such field.")
_ONE_OF = ("UNKNOWN_VALUE", "允许的取值：{expected}。", "Allowed values: {expected}.")
_TEXTS = {
    "missing": ("REQUIRED", "必填。", "Required."),
    "extra_forbidden": _UNKNOWN_FIELD,
    "unexpected_keyword_argument": _UNKNOWN_FIELD,
    "json_invalid": JSON_INVALID,
    "enum": _ONE_OF,
    "literal_error": _ONE_OF,
    "union_tag_invalid": (
        "UNKNOWN_VALUE",
        "允许的取值：{expected_tags}。",
        "Allowed values: {expected_tags}.",
    ),
    "union_tag_not_found": ("REQUIRED", "必填。", "Required."),
    "string_too_long": (
        "TOO_LONG",
        "最多{max_length}个字符。",
        "Characters: at most {max_length}.",
    ),
    "string_too_short": (
        "TOO_SHORT",
        "至少{min_length}个字符。",
        "Characters: at least {min_length}.",
    ),
    "too_long": ("TOO_MANY", "最多{max_length}条。", "Items: at most {max_length}."),
    "too_short": ("TOO_FEW", "至少{min_length}条。", "Items: at least {min_length}."),
    "string_pattern_mismatch": ("FORMAT", "格式不符。", "It does not have the required form."),
    "greater_than": ("OUT_OF_RANGE", "须大于{gt}。", "It must be greater than {gt}."),
    "greater_than_equal": ("OUT_OF_RANGE", "不得小于{ge}。", "It must be at least {ge}."),
    "less_than": ("OUT_OF_RANGE", "须小于{lt}。", "It must be less than {lt}."),
    "less_than_equal": ("OUT_OF_RANGE", "不得大于{le}。", "It must be at most {le}."),
}
_PREFIXES = (
    ("timezone", ("DATE_INVALID", "须带时区，如+08:00。", "A zone is required, as in +08:00.")),
    ("date", ("DATE_INVALID", "不是有效的日期。", "Not a valid date.")),
    ("time", ("DATE_INVALID", "不是有效的时间。", "Not a valid time.")),
    ("uuid", ("ID_INVALID", "不是有效的标识。", "Not a valid identifier.")),
    ("int", ("NUMBER_INVALID", "不是有效的整数。", "Not a valid whole number.")),
    ("decimal", ("NUMBER_INVALID", "不是有效的数值。", "Not a valid number.")),
    ("float", ("NUMBER_INVALID", "不是有效的数值。", "Not a valid number.")),
    ("bool", ("TYPE_INVALID", "应为布尔值。", "A boolean is expected.")),
)
_OTHER = ("TYPE_INVALID", "类型或格式不符。", "It has a wrong type or form.")
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
    code, zh, en = _TEXTS.get(kind) or next(
        (texts for prefix, texts in _PREFIXES if kind.startswith(prefix)), _OTHER
    )
    declared = detail.get("ctx", {})
    return FieldError(place, code, _filled(zh, declared, "、"), _filled(en, declared, ", "))


def _filled(text: str, declared: Mapping[str, Any], separator: str) -> str:
    """`text` with what it names of a declaration; Pydantic puts quotes around each of several."""
    return text.format_map(
        {
            name: separator.join(_QUOTED.findall(str(value))) or value
            for name, value in declared.items()
        }
    )


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
