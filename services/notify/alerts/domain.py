"""Which events are worth telling, to whom, how pressing and for whom there: one table. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.notify.mirror.domain import derived_id, organisation_of, township_organisation
from services.notify.queues.domain.notices import Notice, Priority, Purpose

Data = Mapping[str, Any]

BULLETIN_PUBLISHED = "inspection.bulletin.published.v1"
RANKING_PUBLISHED = "inspection.ranking.published.v1"

# What several events tell of is identified by its own facts: under this id, not an event's.
_MATTERS = UUID("8f0e5a52-3c1d-4b7e-9c55-6d1a0f2b7c11")
_REPORTED_BY = frozenset({"CITY", "PROVINCE"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The configured limits in force (⚙): a fall of income in percent that is worth an alert, the
    percentage points behind plan that the leading group hears of, and the units that hear of a
    ranking with the role meant in each (`TOWN`: every township ranked)."""

    income_drop_pct: Decimal
    progress_gap_points: Decimal
    ranking_roles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Alert:
    """One matter to be told: the data its text is made of, and who is told."""

    alert_id: UUID
    data: Data
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class _To:
    """Whom an alert goes to: the organisations found in the data, and whom in each."""

    organisations: Callable[[Data], Iterable[str | None]]
    role: str | None = None
    priority: Priority = Priority.NORMAL

    @property
    def copy(self) -> "_To":
        """The same, for information."""
        return replace(self, priority=Priority.INFORMATION)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What one kind of event is told as; `code` names the alert in its data. An alert that must
    not come twice, however often it is published, names the facts it comes `once_per`."""

    purpose: Purpose
    code: str
    told: tuple[_To, ...]
    is_worth: Callable[[Data, Limits], bool] = lambda _data, _limits: True
    once_per: tuple[str, ...] = ()


def _place(data: Data) -> str:
    return str(data.get("village_code") or data["region_code"])


def _unit(unit: str, role: str | None = None) -> _To:
    """A unit of the county, or of the city or province that is concerned itself."""
    return _To(lambda data: [organisation_of(unit, _place(data))], role)


def _field(name: str, role: str | None = None) -> _To:
    """The organisation that stands in a field, or the organisations."""

    def organisations(data: Data) -> list[str | None]:
        named = data[name]
        return list(named) if isinstance(named, list) else [named]

    return _To(organisations, role)


def _village(data: Data) -> list[str | None]:
    place = _place(data)
    return [f"VILLAGE@{place}" if len(place) == 12 else None]


def _named(data: Data) -> list[str | None]:
    # A list of recipients that forgot somebody named still reaches him (N-07).
    return [*data["recipients"], *(item["unit"] for item in data["items"])]


_FINANCE = _unit("FIN", "finance")
_OFFICE = _unit("POV", "poverty_office")
_GROUP = _unit("LG", "leading_group")
_TOWNSHIP = _To(lambda data: [township_organisation(_place(data))], "township_reviewer")
_VILLAGE = _To(_village, "village_cadre")
_REQUESTER = _field("requester")
_SENDER = _field("sending_org")
_HEAD = _field("sending_org", "dept_head")
_SUPERIOR = _field("superior_org", "dept_head")


def _gap(data: Data) -> Decimal:
    """How many percentage points the progress is behind its plan; none without both."""
    if data["target_pct"] is None or data["progress_pct"] is None:
        return Decimal(0)
    return Decimal(data["target_pct"]) - Decimal(data["progress_pct"])


def _is_behind(data: Data, _limits: Limits) -> bool:
    return _gap(data) > 0


def _is_far_behind(data: Data, limits: Limits) -> bool:
    return 0 < _gap(data) >= limits.progress_gap_points


def _has_fallen(data: Data, limits: Limits) -> bool:
    return data["drop_pct"] is not None and Decimal(data["drop_pct"]) >= limits.income_drop_pct


def _is_letter(data: Data, _limits: Limits) -> bool:
    """Whether the sending unit is written to: from the second absence on, or where the profile
    asks something of it the first time (I-81, I-82)."""
    return data["absence_no"] >= 2 or data["unit_action"] is not None


def _is_letter_above(data: Data, limits: Limits) -> bool:
    return _is_letter(data, limits) and data["sending_level"] in _REPORTED_BY


def _is_letter_in_county(data: Data, limits: Limits) -> bool:
    return _is_letter(data, limits) and data["sending_level"] not in _REPORTED_BY


def _is_information(data: Data, limits: Limits) -> bool:
    return not _is_letter(data, limits)


def _fund(code: str, *told: _To, **more: Any) -> _Rule:
    return _Rule(Purpose.FUND_ALERT, code, told, **more)


def _monitoring(code: str, *told: _To, **more: Any) -> _Rule:
    return _Rule(Purpose.MONITORING_ALERT, code, told, **more)


def _absence(code: str, *told: _To, is_worth: Callable[[Data, Limits], bool]) -> _Rule:
    return _Rule(Purpose.ABSENCE_LETTER, code, told, is_worth)


# Progress is computed again whenever a county of the city reports: once a day is enough.
_REPORT = ("region_year", "as_of")
RULES: Mapping[str, tuple[_Rule, ...]] = {
    # N-13
    "funds.progress.computed.v1": (
        _fund("PROGRESS_BEHIND", _FINANCE, _OFFICE, is_worth=_is_behind, once_per=_REPORT),
        _fund("PROGRESS_FAR_BEHIND", _GROUP, is_worth=_is_far_behind, once_per=_REPORT),
    ),
    "funds.payment.voucher_due.v1": (_fund("VOUCHER_DUE", _REQUESTER, _FINANCE.copy),),
    "funds.payment.voucher_overdue.v1": (
        _fund("VOUCHER_OVERDUE", _REQUESTER, _FINANCE, _OFFICE.copy),
    ),
    "funds.allocation.idle.v1": (_fund("ALLOCATION_IDLE", _FINANCE, _OFFICE),),
    "funds.project.unpaid.v1": (_fund("PROJECT_UNPAID", _FINANCE, _OFFICE, _TOWNSHIP.copy),),
    # The township lets and supervises the work (F-07), finance deducts the penalty (F-17).
    "funds.project.late.v1": (_fund("PROJECT_LATE", _TOWNSHIP, _FINANCE, _OFFICE),),
    # N-14; who acts: village and township verify, the county's poverty office decides (B.2).
    "households.household.income_assessed.v1": (
        # Assessed anew with every correction of the year's income.
        _monitoring(
            "INCOME_DROP",
            *(_TOWNSHIP, _OFFICE),
            is_worth=_has_fallen,
            once_per=("household_id", "year"),
        ),
    ),
    "households.monitoring.clue_raised.v1": (
        _monitoring("CLUE_RAISED", _TOWNSHIP, _VILLAGE, _OFFICE.copy),
    ),
    "households.monitoring.identified.v1": (
        _monitoring("IDENTIFIED", _TOWNSHIP, _VILLAGE, _OFFICE.copy),
    ),
    "households.monitoring.risk_cleared.v1": (
        _monitoring("RISK_CLEARED", _TOWNSHIP.copy, _VILLAGE.copy, _OFFICE.copy),
    ),
    "households.monitoring.due_soon.v1": (
        _monitoring("CASE_DUE_SOON", _TOWNSHIP, _VILLAGE, _OFFICE),
    ),
    "households.monitoring.overdue.v1": (_monitoring("CASE_OVERDUE", _TOWNSHIP, _OFFICE),),
    "households.monitoring.review_due.v1": (
        _monitoring("REVIEW_DUE", _VILLAGE, _TOWNSHIP, _OFFICE.copy),
    ),
    # N-08
    "inspection.attendance.absence_found.v1": (
        _absence("FIRST_ABSENCE", _SENDER.copy, is_worth=_is_information),
        _absence("LETTER", _HEAD, is_worth=_is_letter_in_county),
        _absence("LETTER_TO_ORIGIN", _HEAD, _SUPERIOR, is_worth=_is_letter_above),
    ),
    # N-07: whoever is named acts, the leaders read.
    BULLETIN_PUBLISHED: (
        _Rule(
            Purpose.BULLETIN,
            "BULLETIN",
            (_To(_named), _unit("LEADERS").copy),
            once_per=("bulletin_id",),
        ),
    ),
}
ALERTING_TYPES = frozenset({*RULES, RANKING_PUBLISHED})


def bulletin_alert_id(bulletin_id: UUID) -> UUID:
    """Under which id the messages of a bulletin stand, and so its receipts."""
    return derived_id(_MATTERS, "BULLETIN", bulletin_id)


def alerts_of(event_type: str, event_id: UUID, data: Data, limits: Limits) -> list[Alert]:
    """What an event is to be told as; none where it is not worth it.

    At most one message per organisation over all of them; an alert for nobody is left out.
    """
    if event_type == RANKING_PUBLISHED:
        return _alerts_of_ranking(event_id, data, limits)
    alerts = [
        _alert(
            _alert_id(rule, event_id, data), rule.purpose, {**data, "alert": rule.code}, rule.told
        )
        for rule in RULES.get(event_type, ())
        if rule.is_worth(data, limits)
    ]
    return [alert for alert in alerts if alert.notices]


def _alert_id(rule: _Rule, event_id: UUID, data: Data) -> UUID:
    if not rule.once_per:
        return event_id
    return derived_id(_MATTERS, rule.code, *(data[name] for name in rule.once_per))


def _alerts_of_ranking(event_id: UUID, data: Data, limits: Limits) -> list[Alert]:
    """The whole ranking for the county's units, and for each township its own place in it."""
    roles = dict(limits.ranking_roles)
    township_role = roles.pop("TOWN", None)
    ranked = sum(row["rank"] is not None for row in data["rows"])
    county = {
        **data,
        "alert": "RANKING",
        "ranked": ranked,
        "last": sum(row["flagged"] for row in data["rows"]),
    }
    alerts = [
        _alert(event_id, Purpose.RANKING, county, tuple(_unit(unit, roles[unit]) for unit in roles))
    ]
    for row in data["rows"] if township_role else ():
        # Whoever is among the last has to act (I-71); the others only read where they stand.
        pressing = Priority.URGENT if row["flagged"] else Priority.INFORMATION
        told = (replace(_TOWNSHIP, role=township_role, priority=pressing),)
        own = {
            **{name: value for name, value in data.items() if name != "rows"},
            **row,
            "region_code": row["township"],
            "ranked": ranked,
            "alert": "RANKING_OF_TOWNSHIP",
        }
        alerts.append(_alert(derived_id(event_id, row["township"]), Purpose.RANKING, own, told))
    return [alert for alert in alerts if alert.notices]


def _alert(alert_id: UUID, purpose: Purpose, data: Data, told: Iterable[_To]) -> Alert:
    """An alert with one notice per organisation: the weightiest, the first of equals."""
    notices: dict[str, Notice] = {}
    for to in told:
        for named in to.organisations(data):
            if not named:
                continue
            organisation = organisation_of(named, _place(data))
            known = notices.get(organisation)
            if known is None or known.priority < to.priority:
                notices[organisation] = Notice(
                    alert_id, organisation, None, purpose, to.priority, to.role
                )
    return Alert(alert_id, data, tuple(notices.values()))
