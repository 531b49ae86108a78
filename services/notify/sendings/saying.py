"""What a sending says: the words of its message, without anything that identifies a person."""

from collections.abc import Mapping
from typing import Any

from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.words import payload_of
from services.notify.queues.wordings import template_in_force
from services.notify.sendings.domain import Saying
from shared.clock import civil_date
from shared.configuration import Configuration
from shared.privacy import without_identifiers

_HIDDEN = "〔已隐去〕"
_OWN_FIELDS = frozenset({"template", "title", "text"})


def saying_of(
    row: Any, console_url: str | None, configuration: Configuration, region: str
) -> Saying:
    """What the sending of a row of `waiting_for` says, in the wording in force for the contact's
    `region` when its event happened, with a link where there is a console.

    Raises KeyError or ValueError for a message that lacks what its text needs.
    """
    if row["content"] is not None:
        return saying_of_content(row["content"])
    purpose, on = Purpose(row["purpose"]), civil_date(row["since"])
    payload = payload_of(
        purpose,
        information=row["information"],
        data=row["data"],
        place=row["place"],
        template=template_in_force(configuration, purpose, region, on),
    )
    link = f"{console_url.rstrip('/')}{payload['link']}" if console_url else ""
    variables = {
        name: _plain(str(value))
        for name, value in payload.items()
        if isinstance(value, str | int) and not isinstance(value, bool)
    }
    return Saying(
        row["purpose"], variables["title"], variables["text"], link, {**variables, "link": link}
    )


def saying_of_content(content: Mapping[str, str]) -> Saying:
    """What a sending without a message says."""
    plain = {name: _plain(value) for name, value in content.items()}
    variables = {name: value for name, value in plain.items() if name not in _OWN_FIELDS}
    title = plain["title"]
    return Saying(plain["template"], title, plain["text"], "", {**variables, "title": title})


def _plain(text: str) -> str:
    return without_identifiers(text, _HIDDEN)
