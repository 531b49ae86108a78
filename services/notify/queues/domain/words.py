"""What a message says, in Chinese."""

import re
from collections.abc import Mapping
from typing import Any, TypedDict

from services.notify.mirror.domain import short_place
from services.notify.queues.domain import alert_words, office_words, problem_words
from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.problem_words import kind_name
from services.notify.queues.domain.templates import Template, Values, Variable, fill
from shared.privacy import without_identifiers

__all__ = [
    "INFORMATION",
    "REQUIRED_PLAN_FIELDS",
    "TEMPLATES",
    "VARIABLES",
    "ReminderData",
    "kind_name",
    "payload_of",
    "purpose_name",
    "render",
]

REQUIRED_PLAN_FIELDS = (  # I-30
    "target",
    "responsible_person",
    "measures",
    "progress_steps",
    "deadline",
)

# Every field the data of a message have beside those of its event.
INFORMATION = "information"

_BOOKS = (problem_words, alert_words, office_words)
TEMPLATES: Mapping[Purpose, Template] = {
    purpose: template for book in _BOOKS for purpose, template in book.TEMPLATES.items()
}
# A name may mean one thing of a problem and another of a payment.
VARIABLES: Mapping[Purpose, Mapping[str, Variable]] = {
    purpose: book.VARIABLES for book in _BOOKS for purpose in book.TEMPLATES
}
_NAMES: Mapping[Purpose, str] = {
    Purpose.SUBSCRIBED: "订阅信息",
    Purpose.FUND_ALERT: "资金预警",
    Purpose.MONITORING_ALERT: "监测预警",
    Purpose.ABSENCE_LETTER: "驻村人员不在岗函告",
    Purpose.BULLETIN: "督查通报",
    Purpose.RANKING: "月排名",
    Purpose.DIGEST: "周调度",
    Purpose.BROADCAST: "通知",
    Purpose.BROADCAST_UNREAD: "通知未读名单",
    Purpose.ENDPOINT_SUSPENDED: "推送地址已停用",
    Purpose.FEEDBACK_FAILED: "信访答复未送达",
}


class ReminderData(TypedDict):
    """The data of a message that reminds of a deadline, which no event holds as they are."""

    problem_id: str
    problem_no: str
    kind: str
    tier: str
    severity: str
    state: str
    lead_dept: str
    village_code: str
    due_on: str
    reminder: str
    days_left: int


def purpose_name(purpose: Purpose) -> str:
    """The name of a purpose: what the titles of its messages begin with, unless those are free."""
    return _NAMES.get(purpose) or re.split("[{：]", TEMPLATES[purpose].title)[0]


def payload_of(
    purpose: Purpose,
    *,
    information: bool,
    data: Mapping[str, Any],
    place: str,
    template: Template | None = None,
) -> dict[str, Any]:
    """What a message says: the event's data, a title and a text in Chinese, and for the lead
    department of a dispatched problem the fields its plan must have (N-01).

    `place` is the full name of the place concerned, `template` the one in force (None: that of the
    code). Texts name no person (N-12). What cannot be said of the data in its words is said in
    those of the code, or by its name alone: no message holds up those beside it.
    """
    place = short_place(place)
    payload = {
        **data,
        "purpose": purpose,
        INFORMATION: information,
        "place": place,
    }
    payload |= _said(purpose, template, payload, place)
    if purpose is Purpose.DISPATCH and not information:
        payload["required_plan_fields"] = list(REQUIRED_PLAN_FIELDS)
    if purpose is Purpose.OVERDUE and data.get("level") == 1:
        payload["to_role"] = "dept_head"  # N-04
    return payload


def render(
    purpose: Purpose, template: Template, data: Mapping[str, Any], place: str
) -> dict[str, str]:
    """Title, text and link of a message whose data say whether it is a copy for information.

    Whatever the data hold, no identifier gets into a text (N-12).
    """
    values = Values(VARIABLES[purpose], data, place)
    text = (data[INFORMATION] and template.copy) or template.text
    return {
        "title": _guarded(fill(template.title, values)),
        "text": _guarded(fill(text, values)),
        "link": fill(template.link, values),
    }


def _said(
    purpose: Purpose, template: Template | None, data: Mapping[str, Any], place: str
) -> dict[str, str]:
    for one in (template, TEMPLATES[purpose]):
        try:
            if one is not None:
                return render(purpose, one, data, place)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            continue
    return {"title": purpose_name(purpose), "text": "", "link": ""}


def _guarded(text: str) -> str:
    # Every identifier has as many digits in a row, and next to no text has.
    return without_identifiers(text, "***") if _LONG_NUMBER.search(text) else text


_LONG_NUMBER = re.compile(r"\d{11}")
