"""Who is told what about a problem, in which words, and the life of a message. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

from services.notify.mirror.domain import (
    Change,
    department_name,
    derived_id,
    is_confined,
    kind_name,
    short_place,
    township_organisation,
)
from shared.errors import IllegalMove

REQUIRED_PLAN_FIELDS = (  # I-30
    "target",
    "responsible_person",
    "measures",
    "progress_steps",
    "deadline",
)


class State(StrEnum):
    """The states of a message (B.9). A lease that has run out counts as QUEUED again."""

    QUEUED = "QUEUED"  # waits to be handed out
    LEASED = "LEASED"  # handed out, not acknowledged yet
    ACKED = "ACKED"  # taken over by the organisation
    DEAD = "DEAD"  # handed out too often without an acknowledgement (N-11)
    CANCELLED = "CANCELLED"  # overtaken by events before it was handed out


class Action(StrEnum):
    """What can be done to a message."""

    LEASE = "LEASE"
    ACK = "ACK"
    BURY = "BURY"
    REPLAY = "REPLAY"
    CANCEL = "CANCEL"


MOVES: Mapping[tuple[State, Action], State] = {
    (State.QUEUED, Action.LEASE): State.LEASED,
    (State.LEASED, Action.LEASE): State.LEASED,  # again, after the lease has run out
    (State.LEASED, Action.ACK): State.ACKED,
    (State.ACKED, Action.ACK): State.ACKED,  # idempotent
    (State.LEASED, Action.BURY): State.DEAD,
    (State.DEAD, Action.REPLAY): State.QUEUED,
    (State.QUEUED, Action.CANCEL): State.CANCELLED,
}


def next_state(state: State, action: Action) -> State:
    """The state after `action`; raises `IllegalMove`."""
    try:
        return MOVES[state, action]
    except KeyError:
        allowed = [action for origin, action in MOVES if origin is state]
        raise IllegalMove(state=state, allowed=allowed) from None


class Purpose(StrEnum):
    """Why a message was sent."""

    DISPATCH = "DISPATCH"
    DUE_CHANGED = "DUE_CHANGED"
    SOURCE_ADDED = "SOURCE_ADDED"
    RETURNED = "RETURNED"
    REOPENED = "REOPENED"
    WITHDRAWAL = "WITHDRAWAL"
    CLOSED = "CLOSED"
    REMINDER = "REMINDER"
    OVERDUE = "OVERDUE"


class Priority(IntEnum):
    """Which message is handed out first: the higher number."""

    INFORMATION = 1
    NORMAL = 5
    URGENT = 9


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to be queued. `event_id` and `organisation` identify it for ever (N-11)."""

    event_id: UUID
    organisation: str
    problem_id: UUID
    purpose: Purpose
    priority: Priority

    @property
    def message_id(self) -> UUID:
        """The message's id."""
        return message_id_of(self.event_id, self.organisation)

    @property
    def is_information(self) -> bool:
        """Whether it is a copy for information: nothing is to be done."""
        return self.priority is Priority.INFORMATION


@dataclass(frozen=True, slots=True)
class Recall:
    """What an event makes pointless: a problem's messages that were not handed out yet.

    Of one `organisation` or of all, all or only `reminders`. With `farewell`, every organisation
    that had been handed one is told why nothing more will come.
    """

    change: Change
    organisation: str | None = None
    reminders: bool = False
    farewell: Purpose | None = None


# The problem's organisations are told of these; of the others the lead alone.
_TOLD_TO_ALL = {
    "dispatched": Purpose.DISPATCH,
    "due_changed": Purpose.DUE_CHANGED,
    "reopened": Purpose.REOPENED,
}
_TOLD_TO_LEAD = {"returned": Purpose.RETURNED}
_ENDINGS = {"withdrawn": Purpose.WITHDRAWAL, "closed": Purpose.CLOSED}


def message_id_of(event_id: UUID, organisation: str) -> UUID:
    """The id of the one message that tells `organisation` of an event."""
    return derived_id(event_id, organisation)


def priority_of(tier: str, severity: str) -> Priority:
    """The priority of a problem's messages to who must act. One per problem, because its messages
    must not overtake each other (N-11)."""
    urgent = tier == "IMMEDIATE" or severity == "PROMINENT"
    return Priority.URGENT if urgent else Priority.NORMAL


def notices_of(change: Change) -> list[Notice]:
    """The messages an event calls for, at most one per organisation; overdue is for reminders.

    N-01: the lead department, and for information the co-departments and the township.
    N-05: a new lead department gets the dispatch, the old one a withdrawal.
    """
    problem = change.problem
    if not problem.dispatched:
        return []
    notices: list[Notice] = []
    if change.is_rerouted:
        assert change.before is not None
        notices += [
            *_to_all(change, Purpose.DISPATCH),
            _notice(change, change.before.lead, Purpose.WITHDRAWAL, Priority.NORMAL),
        ]
    elif change.happened in _TOLD_TO_ALL:
        notices += _to_all(change, _TOLD_TO_ALL[change.happened])
    elif change.happened in _TOLD_TO_LEAD:
        notices.append(_to_lead(change, _TOLD_TO_LEAD[change.happened]))
    elif change.happened == "source_added":
        notices.append(_notice(change, problem.lead, Purpose.SOURCE_ADDED, Priority.INFORMATION))
    return _one_each(notices)


def recall_of(change: Change) -> Recall | None:
    """What an event makes pointless: everything of an ended problem, the old department's part of
    a rerouted one, the reminders of one that is reported done or has another deadline (N-05)."""
    before, problem = change.before, change.problem
    if before is None or not before.dispatched:
        return None
    if change.happened in _ENDINGS:
        return Recall(change, farewell=_ENDINGS[change.happened])
    if change.is_rerouted:
        return Recall(change, before.lead)
    if before.is_awaited and (not problem.is_awaited or before.due_on != problem.due_on):
        return Recall(change, reminders=True)
    return None


def farewell_of(recall: Recall, organisation: str) -> Notice | None:
    """What tells `organisation`, which had been handed a message, that the problem has ended."""
    if recall.farewell is None:
        return None
    acting = organisation == recall.change.problem.lead
    priority = Priority.NORMAL if acting else Priority.INFORMATION
    return _notice(recall.change, organisation, recall.farewell, priority)


def _to_all(change: Change, purpose: Purpose) -> Iterator[Notice]:
    problem = change.problem
    yield _to_lead(change, purpose)
    if is_confined(problem.kind):
        return
    township = township_organisation(problem.village_code)
    for organisation in (*problem.partners, *([township] if township else [])):
        yield _notice(change, organisation, purpose, Priority.INFORMATION)


def _to_lead(change: Change, purpose: Purpose) -> Notice:
    problem = change.problem
    return _notice(change, problem.lead, purpose, priority_of(problem.tier, problem.severity))


def _notice(change: Change, organisation: str, purpose: Purpose, priority: Priority) -> Notice:
    return Notice(change.event_id, organisation, change.problem.problem_id, purpose, priority)


def _one_each(notices: Iterable[Notice]) -> list[Notice]:
    """The weightiest notice of each organisation."""
    weightiest: dict[str, Notice] = {}
    for notice in notices:
        known = weightiest.get(notice.organisation)
        if known is None or known.priority < notice.priority:
            weightiest[notice.organisation] = notice
    return list(weightiest.values())


# -- words ----------------------------------------------------------------------------------------

_TITLES = {
    Purpose.DISPATCH: "整改任务",
    Purpose.DUE_CHANGED: "整改期限调整",
    Purpose.SOURCE_ADDED: "问题来源补充",
    Purpose.RETURNED: "退回整改",
    Purpose.REOPENED: "重新整改",
    Purpose.WITHDRAWAL: "任务撤回",
    Purpose.CLOSED: "问题销号",
    Purpose.REMINDER: "整改提醒",
    Purpose.OVERDUE: "逾期通报",
}
_PLAN_REQUEST = "请制定整改方案，写明整改目标、责任人、整改措施、进度安排和完成时限。"
_TEXTS = {
    Purpose.DISPATCH: f"{{subject}}由你单位牵头整改，{{due}}。{{urge}}{_PLAN_REQUEST}",
    Purpose.DUE_CHANGED: "{subject}的整改期限已调整，{due}。",
    Purpose.SOURCE_ADDED: "{subject}又有其他来源反映，并入原任务，{due}。",
    Purpose.RETURNED: "{subject}经核查未整改到位，退回继续整改，{due}。",
    Purpose.REOPENED: f"{{subject}}销号后再次出现，由你单位牵头重新整改，{{due}}。{_PLAN_REQUEST}",
    Purpose.WITHDRAWAL: "{subject}改由{lead}牵头，你单位不再牵头。",
    Purpose.CLOSED: "{subject}已销号。",
    Purpose.REMINDER: "{subject}{remaining}，{due}。",
    Purpose.OVERDUE: "{lead}牵头的{subject}已逾期，{due}。{escalation}",
}
_COPIES = {
    Purpose.DISPATCH: "{subject}由{lead}牵头整改，{due}。请按职责配合。",
    Purpose.REOPENED: "{subject}销号后再次出现，由{lead}牵头重新整改，{due}。请按职责配合。",
}
_REVOKED = "{subject}已撤销，无需继续整改。"
_ESCALATIONS = {
    1: "请主要负责人督促限期整改。",
    2: "请扶贫部门督办。",
    3: "请领导小组研究问责。",
}


def payload_of(
    purpose: Purpose, *, information: bool, data: Mapping[str, Any], place: str
) -> dict[str, Any]:
    """What a message says: the event's data, a title and a text in Chinese, and for the lead
    department of a dispatched problem the fields its plan must have (N-01).

    `place` is the full name of the problem's place. Texts name no person (N-12).
    """
    subject = f"{kind_name(data['kind'])}（{data['problem_no']}）"
    place = short_place(place)
    copy = "（抄送）" if information else ""
    payload = {
        **data,
        "purpose": purpose,
        "information": information,
        "title": f"{_TITLES[purpose]}{copy}：{subject}",
        "text": _text(purpose, information, data, place),
        "place": place,
        "link": f"/api/v1/problems/{data['problem_id']}",
    }
    if purpose in (Purpose.DISPATCH, Purpose.REOPENED) and not information:
        payload["required_plan_fields"] = list(REQUIRED_PLAN_FIELDS)
    if purpose is Purpose.OVERDUE and data["level"] == 1:
        payload["to_role"] = "dept_head"  # N-04
    return payload


def _text(purpose: Purpose, information: bool, data: Mapping[str, Any], place: str) -> str:
    template = (_COPIES if information else {}).get(purpose, _TEXTS[purpose])
    if purpose is Purpose.WITHDRAWAL and data["state"] == "WITHDRAWN":
        template = _REVOKED
    return template.format(
        subject=f"{place}“{kind_name(data['kind'])}”问题",
        lead=department_name(data["lead_dept"]),
        due=_due(data["due_on"]),
        urge="即知即改，立行立改。" if data["tier"] == "IMMEDIATE" else "",
        remaining=_remaining(data.get("days_left", 0)),
        escalation=_ESCALATIONS.get(data.get("level", 0), ""),
    )


def _due(due_on: str | None) -> str:
    return "纳入常态化管理，不设单一期限" if due_on is None else f"整改期限{due_on}"


def _remaining(days: int) -> str:
    if days > 0:
        return f"距整改期限还有{days}天"
    return "今天到期" if days == 0 else "已过整改期限"
