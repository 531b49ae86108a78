"""Who is told what about a problem or a case, and which messages that makes pointless."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from uuid import UUID

from services.notify.mirror.domain import (
    Change,
    derived_id,
    may_hear,
    organisation_of,
    township_organisation,
)


class Purpose(StrEnum):
    """Why a message was sent."""

    SUSPICION = "SUSPICION"
    DISPATCH = "DISPATCH"
    DUE_CHANGED = "DUE_CHANGED"
    SOURCE_ADDED = "SOURCE_ADDED"
    DISPUTED = "DISPUTED"
    DISPUTE_REJECTED = "DISPUTE_REJECTED"
    STALLED = "STALLED"
    NO_POLICY = "NO_POLICY"
    VERIFICATION = "VERIFICATION"
    RETURNED = "RETURNED"
    FALSE_RECTIFICATION = "FALSE_RECTIFICATION"
    REOPENED = "REOPENED"
    WITHDRAWAL = "WITHDRAWAL"
    CLOSED = "CLOSED"
    REMINDER = "REMINDER"
    OVERDUE = "OVERDUE"
    ACCOUNTABILITY = "ACCOUNTABILITY"
    SUBSCRIBED = "SUBSCRIBED"
    FUND_ALERT = "FUND_ALERT"
    MONITORING_ALERT = "MONITORING_ALERT"
    ABSENCE_LETTER = "ABSENCE_LETTER"
    BULLETIN = "BULLETIN"
    RANKING = "RANKING"
    DIGEST = "DIGEST"
    BROADCAST = "BROADCAST"
    BROADCAST_UNREAD = "BROADCAST_UNREAD"
    ENDPOINT_SUSPENDED = "ENDPOINT_SUSPENDED"
    FEEDBACK_FAILED = "FEEDBACK_FAILED"


class Priority(IntEnum):
    """Which message is handed out first: the higher number."""

    INFORMATION = 1
    NORMAL = 5
    URGENT = 9


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to be queued. `event_id` and `organisation` identify it for ever (N-11).

    `problem_id` is None where it tells of no single problem: it then keeps no order with others
    and is not recalled. `role` says whom in the organisation it is meant for (several roles parted
    by commas), None for whoever handles its matters.
    """

    event_id: UUID
    organisation: str
    problem_id: UUID | None
    purpose: Purpose
    priority: Priority
    role: str | None = None

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
    """What an event makes pointless: a problem's messages that nobody has acknowledged yet.

    Of one `organisation` or of all, of some `purposes` or of all. With `farewell`, every
    organisation that had been told is told why nothing more will come.
    """

    change: Change
    organisation: str | None = None
    purposes: frozenset[Purpose] = frozenset()
    farewell: Purpose | None = None


@dataclass(frozen=True, slots=True)
class _Telling:
    """Whom an event of a problem is told to: the lead department, which acts unless it is `news`;
    `copies` for information to co-departments and township; to the township `in_place`, which acts;
    to `units` of the county, which decide or provide; to the `verifier`, whose turn it is."""

    purpose: Purpose
    lead: bool = True
    news: bool = False
    copies: bool = False
    in_place: bool = False
    verifier: bool = False
    units: tuple[str, ...] = ()


_TELLINGS: Mapping[str, _Telling] = {
    "dispatched": _Telling(Purpose.DISPATCH, copies=True),
    "due_changed": _Telling(Purpose.DUE_CHANGED, copies=True),
    "reopened": _Telling(Purpose.REOPENED, copies=True),
    "source_added": _Telling(Purpose.SOURCE_ADDED, news=True),
    "disputed": _Telling(Purpose.DISPUTED, lead=False, units=("POV",)),  # it rules (I-11)
    "dispute_rejected": _Telling(Purpose.DISPUTE_REJECTED),
    "stalled": _Telling(Purpose.STALLED, in_place=True),  # I-34
    "no_policy_found": _Telling(Purpose.NO_POLICY, lead=False, units=("POV", "FIN")),  # I-36
    # Whoever is to verify next acts (I-40).
    "submitted": _Telling(Purpose.VERIFICATION, lead=False, verifier=True),
    "verified": _Telling(Purpose.VERIFICATION, lead=False, verifier=True),
    "returned": _Telling(Purpose.RETURNED, in_place=True),
    "false_rectification": _Telling(Purpose.FALSE_RECTIFICATION, units=("POV", "LG")),  # I-43
}
# A suspicion is no task yet: it is to be confirmed or refuted (I-03).
_SUSPECTED = _Telling(Purpose.SUSPICION, units=("POV",))
# What co-departments are told; other messages they get for another reason than taking part.
_COPIED = frozenset(telling.purpose for telling in _TELLINGS.values() if telling.copies)
_ENDINGS = {"withdrawn": Purpose.WITHDRAWAL, "closed": Purpose.CLOSED}
# What somebody was asked to do, by the event after which it has been done.
_DONE = {
    "rerouted": Purpose.DISPUTED,
    "dispute_rejected": Purpose.DISPUTED,
    "progressed": Purpose.STALLED,
    "submitted": Purpose.STALLED,
    "verified": Purpose.VERIFICATION,
    "returned": Purpose.VERIFICATION,
}


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
    N-05: a new lead department gets the dispatch, the old one a withdrawal; so do co-departments
    that join and leave, for information.
    I-13: of style and corruption nobody hears besides who leads them and who watches them.
    """
    if not change.problem.dispatched:
        suspected = change.happened == "logged" and change.problem.state == "SUSPECTED"
        return _one_each(_told(change, _SUSPECTED)) if suspected else []
    if change.is_rerouted:
        assert change.before is not None
        notices = [
            *_told(change, _TELLINGS["dispatched"]),
            _notice(change, change.before.lead, Purpose.WITHDRAWAL, Priority.NORMAL),
        ]
    elif change.happened == "partners_changed":
        notices = list(_told_to_partners(change))
    elif change.happened in _TELLINGS:
        notices = list(_told(change, _TELLINGS[change.happened]))
    else:
        notices = []
    return _one_each(notices)


def notices_of_case(event_id: UUID, kind: str, village_code: str) -> list[Notice]:
    """The messages that tell of a new case of accountability: to the discipline commission and the
    leading group of the county, as far as they may hear of the kind (I-13)."""
    told = (organisation_of(unit, village_code) for unit in ("DISC", "LG"))
    return [
        Notice(event_id, organisation, None, Purpose.ACCOUNTABILITY, Priority.NORMAL)
        for organisation in told
        if may_hear(organisation, kind)
    ]


def recalls_of(change: Change) -> list[Recall]:
    """What an event makes pointless: everything of an ended problem, the part of a department that
    no longer leads it or takes part in it, what was asked for and is done, the reminders of one
    that is reported done or has another deadline (N-05)."""
    before, problem = change.before, change.problem
    if before is not None and before.state == "SUSPECTED":
        settled = problem.state != before.state
        return [Recall(change, purposes=frozenset({Purpose.SUSPICION}))] if settled else []
    if before is None or not before.dispatched:
        return []
    if change.happened in _ENDINGS:
        return [Recall(change, farewell=_ENDINGS[change.happened])]
    recalls = [Recall(change, before.lead)] if change.is_rerouted else []
    recalls += [Recall(change, organisation, _COPIED) for organisation in _left(change)]
    pointless = {_DONE[change.happened]} if change.happened in _DONE else set()
    if before.is_awaited and (not problem.is_awaited or before.due_on != problem.due_on):
        pointless.add(Purpose.REMINDER)
    if pointless:
        recalls.append(Recall(change, purposes=frozenset(pointless)))
    return recalls


def farewell_of(recall: Recall, organisation: str) -> Notice | None:
    """What tells `organisation`, which had been told of it, that the problem has ended."""
    if recall.farewell is None:
        return None
    acting = organisation == recall.change.problem.lead
    priority = Priority.NORMAL if acting else Priority.INFORMATION
    return _notice(recall.change, organisation, recall.farewell, priority)


def _told(change: Change, telling: _Telling) -> Iterator[Notice]:
    problem, purpose = change.problem, telling.purpose
    own = priority_of(problem.tier, problem.severity)
    if telling.lead:
        yield _notice(change, problem.lead, purpose, Priority.INFORMATION if telling.news else own)
    others: list[tuple[str, Priority]] = [
        (organisation_of(unit, problem.village_code), own) for unit in telling.units
    ]
    if telling.verifier and change.verifier is not None:
        others.append((change.verifier, own))
    if telling.copies:
        others += [(organisation, Priority.INFORMATION) for organisation in problem.partners]
    township = township_organisation(problem.village_code)
    if township and (telling.copies or telling.in_place):
        others.append((township, own if telling.in_place else Priority.INFORMATION))
    for organisation, priority in others:
        if may_hear(organisation, problem.kind):
            yield _notice(change, organisation, purpose, priority)


def _told_to_partners(change: Change) -> Iterator[Notice]:
    before, problem = change.before, change.problem
    known = before.partners if before is not None else ()
    joined = [organisation for organisation in problem.partners if organisation not in known]
    for organisations, purpose in ((joined, Purpose.DISPATCH), (_left(change), Purpose.WITHDRAWAL)):
        for organisation in organisations:
            if may_hear(organisation, problem.kind):
                yield _notice(change, organisation, purpose, Priority.INFORMATION)


def _left(change: Change) -> list[str]:
    """The co-departments that no longer take part."""
    if change.before is None:
        return []
    concerned = (change.problem.lead, *change.problem.partners)
    return [one for one in change.before.partners if one not in concerned]


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
