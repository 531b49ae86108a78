"""What a template is: a title and a text with named variables, filled from event data. Pure."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter
from typing import Any

from services.notify.contacts.domain import PersonalIdentifier
from shared.errors import FieldError, Invalid
from shared.privacy import holds_identifier


@dataclass(frozen=True, slots=True)
class Variable:
    """What stands for `{name}`: `say(data, place)`, where `place` is the full name of the place
    concerned. `needs` are the fields of the event's data it reads, without which it says nothing;
    `meaning` is for who writes templates."""

    needs: frozenset[str]
    say: Callable[[Mapping[str, Any], str], str]
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """The title and text of a message; `copy` is the text of a copy for information, where it
    differs, `link` the path at which the whole matter is found."""

    title: str
    text: str
    copy: str = ""
    link: str = ""


class Values(Mapping[str, str]):
    """The variables of one message, said only when they are asked for; a field of the event's data
    that has no variable stands for itself. What the data do not hold says nothing."""

    def __init__(
        self, variables: Mapping[str, Variable], data: Mapping[str, Any], place: str
    ) -> None:
        self._variables, self._data, self._place = variables, data, place

    def __getitem__(self, name: str) -> str:
        variable = self._variables.get(name)
        if variable is None:
            value = self._data.get(name)
            return "" if value is None else str(value)
        # An event may be older than the field.
        return variable.say(self._data, self._place) if variable.needs <= self._data.keys() else ""

    def __iter__(self) -> Iterator[str]:
        return iter({**self._variables, **self._data})

    def __len__(self) -> int:
        return len({**self._variables, **self._data})


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with its variables replaced."""
    return "".join(
        literal if name is None else literal + values[name] for literal, name in _parsed(text)
    )


def check_template(template: Template, known: Collection[str], prefix: str = "") -> None:
    """Refuse a template that cannot be filled for every message of its purpose, or shows what no
    text may (N-12).

    Raises `Invalid` with a field (`title`, `text`, `copy`, after `prefix`), its code
    (TEMPLATE_MALFORMED, TEMPLATE_VARIABLE_UNKNOWN, PERSONAL_IDENTIFIER), and the place in it.
    """
    errors = [
        error
        for field, text in (
            ("title", template.title),
            ("text", template.text),
            ("copy", template.copy),
        )
        for error in _errors_in(prefix + field, text, known)
    ]
    if errors:
        raise Invalid(errors=errors)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((literal, name) for literal, name, _, _ in Formatter().parse(text))


def _errors_in(field: str, text: str, known: Collection[str]) -> Iterator[FieldError]:
    if holds_identifier(text):
        yield FieldError(
            field,
            PersonalIdentifier.code,
            "模板中不得含有身份证号、手机号或银行账号。",
            "A template must not hold id numbers, phone numbers or account numbers.",
        )
        return
    try:
        parsed = list(Formatter().parse(text))
    except ValueError:
        place = _unpaired(text)
        yield FieldError(
            field,
            "TEMPLATE_MALFORMED",
            f"第{place}个字符处的花括号不成对；正文中的花括号请写两遍。",
            f"The brace at character {place} has no counterpart; double a brace that is meant.",
        )
        return
    place = 1
    for literal, name, form, conversion in parsed:
        # A brace that is meant stands doubled in the text, and once in its literal.
        place += len(literal) + literal.count("{") + literal.count("}")
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            yield FieldError(
                field,
                "TEMPLATE_MALFORMED",
                f"第{place}个字符处的变量只能写名称，如{{due}}，不得带点号、下标或格式。",
                f"The variable at character {place} is a name alone, like {{due}}: no attribute,"
                " index, conversion or format.",
            )
        elif name not in known:
            # A name may be anything that was typed; one of our own kind holds no digit.
            shown = name if len(name) <= 40 and not any(map(str.isdigit, name)) else "…"
            yield FieldError(
                field,
                "TEMPLATE_VARIABLE_UNKNOWN",
                f"第{place}个字符处的变量{{{shown}}}不适用于此类消息。",
                f"The variable {{{shown}}} at character {place} does not exist for this purpose.",
            )
        place += len(name) + 2 + len(f":{form}" if form else "") + (2 if conversion else 0)


def _unpaired(text: str) -> int:
    """Where the first brace without a counterpart stands, counted from 1."""
    opened: int | None = None
    place = 0
    while place < len(text):
        character = text[place]
        if character == "{" and opened is None:
            if text[place + 1 : place + 2] == "{":
                place += 1
            else:
                opened = place
        elif character == "}" and opened is not None:
            opened = None
        elif character == "}":
            if text[place + 1 : place + 2] != "}":
                return place + 1
            place += 1
        place += 1
    return 1 + (len(text) - 1 if opened is None else opened)
