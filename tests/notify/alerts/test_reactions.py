"""What the queues hold after alerts, letters, bulletins and rankings have come in."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from services.notify.alerts.queries import RANKING_ROLES
from services.notify.alerts.reactions import ALERTING_EVENTS, on_alerting_event
from services.notify.main import SERVICE
from shared.errors import Invalid
from shared.events.base import Event, Received
from shared.events.funds import AllocationIdle, AllocationReceived, ProgressComputed
from shared.events.households import HouseholdIncomeAssessed, HouseholdUpdated
from shared.events.inspection import (
    AbsenceFound,
    BulletinItem,
    BulletinPublished,
    RankingPublished,
)
from shared.ids import new_id
from shared.messaging.inbox import Delivery, Inbox
from shared.messaging.ordering import ParkedKind
from shared.privacy import holds_identifier
from shared.testing import received
from tests.notify.alerts.conftest import COUNTY, VILLAGE, event_of, facts_of
from tests.notify.conftest import TOWNSHIP, Notify

AT = datetime.fromisoformat("2086-09-08T10:00:00+08:00")
OFFICE = ("POV@511132", "poverty_office")
GROUP = ("LG@511132", "leading_group")
FINANCE = ("FIN@511132", "finance")
TOWN = (TOWNSHIP, "township_reviewer")
COUNTY_QUEUES = (OFFICE, GROUP, FINANCE, TOWN)
NEIGHBOURS = (
    ("POV@511133", "poverty_office"),
    ("LG@511133", "leading_group"),
    ("FIN@511133", "finance"),
    ("TOWN@511133201", "township_reviewer"),
)


def told(event_class: type[Event], *, sequence: int = 1, **changed: Any) -> Received[Event]:
    """An event of the class as it comes from the broker."""
    return received(event_of(event_class, **changed), sequence=sequence, at=AT)


async def drained(notify: Notify, *queues: tuple[str, str]) -> list[dict[str, Any]]:
    """Everything that waits in the queues."""
    return [item for queue in queues for item in await notify.queue(*queue).drain()]


async def configure(notify: Notify, key: str, value: Any) -> None:
    """An operator sets a value for the county."""
    answer = await notify.app.client.put(
        f"/api/v1/config/{COUNTY}/{key}",
        json={"value": value, "effective_from": "2086-09-01"},
        headers=notify.app.headers(*OFFICE),
    )
    assert answer.status_code == 200, answer.text


async def test_progress_behind_its_plan_stands_in_the_queues_of_finance_and_office(
    notify: Notify,
) -> None:
    await notify.hear(told(ProgressComputed))
    for queue in (OFFICE, FINANCE):
        (item,) = await drained(notify, queue)
        assert item["event_type"] == "funds.progress.computed.v1"
        assert (item["problem_id"], item["kind"], item["priority"]) == (None, None, 5)
        payload = item["payload"]
        assert payload["purpose"] == "FUND_ALERT"
        assert payload["title"] == "资金支出进度滞后：峨边彝族自治县"
        assert "峨边彝族自治县2086年度资金支出进度65.11%" in payload["text"]
        assert payload["progress_pct"] == "65.11"
        assert payload["link"] == "/api/v1/stats/progress?region_code=511132&year=2086"
    assert await drained(notify, GROUP) == []


async def test_progress_computed_again_on_the_same_day_is_not_told_again(notify: Notify) -> None:
    once, again = told(ProgressComputed), told(ProgressComputed, sequence=2, rank=3)
    await notify.hear(once, again)  # in one batch
    await notify.hear(told(ProgressComputed, sequence=3, rank=4))
    assert len(await drained(notify, FINANCE)) == 1
    await notify.hear(told(ProgressComputed, sequence=4, as_of="2086-09-14"))
    assert len(await drained(notify, FINANCE)) == 1


async def test_progress_that_falls_far_behind_later_that_day_reaches_the_leading_group(
    notify: Notify,
) -> None:
    await notify.hear(told(ProgressComputed))
    await notify.hear(told(ProgressComputed, sequence=2, progress_pct="40.00"))
    (item,) = await drained(notify, GROUP)
    assert "资金支出进度40.00%" in item["payload"]["text"]


async def test_how_far_behind_is_far_is_configured_by_county_and_day(notify: Notify) -> None:
    await configure(notify, "progress_gap_alert_points", 4)
    earlier = datetime.fromisoformat("2086-08-31T10:00:00+08:00")
    await notify.hear(received(event_of(ProgressComputed, as_of="2086-08-31"), at=earlier))
    assert await drained(notify, GROUP) == []
    await notify.hear(told(ProgressComputed, sequence=2))
    assert len(await drained(notify, GROUP)) == 1


async def test_a_fall_of_income_is_told_once_a_year_among_other_news_of_the_household(
    notify: Notify,
) -> None:
    household = facts_of(HouseholdIncomeAssessed)
    plain = {name: household[name] for name in HouseholdUpdated.model_fields if name in household}
    own = {"household_id": household["household_id"]}
    await notify.hear(
        received(HouseholdUpdated(**plain), sequence=1, at=AT),
        told(HouseholdIncomeAssessed, sequence=2, **own, drop_pct="10.00"),
        received(HouseholdUpdated(**plain), sequence=3, at=AT),
        told(HouseholdIncomeAssessed, sequence=4, **own),
        told(HouseholdIncomeAssessed, sequence=5, **own, drop_pct="50.00"),
    )
    (item,) = await drained(notify, TOWN)
    assert item["village_code"] == VILLAGE
    assert "比上年下降35.20%" in item["payload"]["text"]
    await notify.hear(told(HouseholdIncomeAssessed, sequence=6, **own, year=2087))
    assert len(await drained(notify, TOWN)) == 1


async def test_how_far_income_falls_before_it_is_told_is_configured(notify: Notify) -> None:
    await configure(notify, "income_drop_alert_pct", "50")
    await notify.hear(told(HouseholdIncomeAssessed))
    assert await drained(notify, TOWN, OFFICE) == []


async def test_idle_money_follows_the_allotments_own_events(notify: Notify) -> None:
    allocation = facts_of(AllocationIdle)
    plain = {name: value for name, value in allocation.items() if name != "days"}
    own = {"allocation_id": plain["allocation_id"]}
    await notify.hear(
        received(AllocationReceived(**plain, received_on=AT.date()), sequence=1, at=AT),
        told(AllocationIdle, sequence=2, **own),
    )
    (item,) = await drained(notify, FINANCE)
    assert "一笔1200000.00元的资金已91天没有支出" in item["payload"]["text"]


async def test_the_absences_of_a_person_are_information_first_and_letters_then(
    notify: Notify,
) -> None:
    own = {"person_id": facts_of(AbsenceFound)["person_id"]}
    first = told(AbsenceFound, **own, absence_no=1, measure="ADMONITION_TALK", unit_action=None)
    await notify.hear(first, told(AbsenceFound, sequence=2, **own))
    letter, information = await drained(notify, ("AGRI@511132", "dept_head"))
    assert (information["priority"], letter["priority"]) == (1, 5)
    assert (information["payload"]["information"], letter["payload"]["information"]) == (
        True,
        False,
    )
    assert "累计第1次，按规定予以诫勉谈话。请派出单位加强教育管理" in information["payload"]["text"]
    assert "向县扶贫领导小组办公室说明情况" in letter["payload"]["text"]
    assert letter["payload"]["title"].startswith("驻村人员不在岗函告：峨边彝族自治县")


async def test_an_alert_heard_again_is_told_once(notify: Notify) -> None:
    bulletin = told(BulletinPublished)
    await notify.hear(bulletin)
    await notify.hear(bulletin)
    async with notify.app.database.transaction() as session:  # even past the inbox
        await on_alerting_event(session, [bulletin])
    assert len(await drained(notify, TOWN)) == 1


async def test_a_store_that_was_lost_is_told_the_same_again(notify: Notify) -> None:
    events = [told(event_class) for event_class in ALERTING_EVENTS]

    async def stored() -> list[tuple[Any, ...]]:
        async with notify.app.database.reading() as session:
            rows = await session.execute(
                text(
                    "SELECT message_id, event_id, org, purpose, priority, role, h.at, h.data::text"
                    " FROM messages JOIN happenings h USING (event_id) ORDER BY message_id"
                )
            )
            return [tuple(row) for row in rows]

    await notify.hear(*events)
    before = await stored()
    async with notify.app.database.transaction() as session:
        await session.execute(text("TRUNCATE messages, happenings, inbox, inbox_cursor CASCADE"))
    await notify.hear(*events)
    assert await stored() == before
    assert len(before) > len(ALERTING_EVENTS)


async def test_a_flagged_township_comes_first_and_reads_its_own_place(notify: Notify) -> None:
    await notify.hear(told(RankingPublished))
    (item,) = await drained(notify, ("TOWN@511132202", "township_party_secretary"))
    assert item["priority"] == 9
    assert item["payload"]["rank"] == 2
    assert "请主要负责人研究整改" in item["payload"]["text"]
    (item,) = await drained(notify, TOWN)
    assert item["priority"] == 1
    (item,) = await drained(notify, GROUP)
    assert "峨边彝族自治县2086年8月乡镇整改工作排名已公布" in item["payload"]["text"]


async def test_whom_a_ranking_goes_to_is_configured_by_role(notify: Notify) -> None:
    await configure(notify, "ranking_roles", {"DISC": "discipline"})
    await notify.hear(told(RankingPublished))
    assert await drained(notify, *COUNTY_QUEUES) == []
    assert len(await drained(notify, ("DISC@511132", "discipline"))) == 1


@pytest.mark.parametrize("value", [{"POV": "nobody"}, {"pov": "ops"}, "POV"])
def test_a_ranking_goes_to_known_roles_only(value: Any) -> None:
    with pytest.raises(Invalid):
        RANKING_ROLES.parse(value)


async def test_what_people_typed_into_a_bulletin_travels_without_identifiers(
    notify: Notify,
) -> None:
    phone = "19900001234"
    items = [BulletinItem(unit=TOWNSHIP, matter=f"联系人{phone}未整改")]
    await notify.hear(told(BulletinPublished, title=f"通报{phone}", items=items))
    (item,) = await drained(notify, TOWN)
    assert phone not in str(item)
    assert item["payload"]["title"] == "督查通报：通报***"


@pytest.mark.parametrize("event_class", ALERTING_EVENTS)
async def test_no_queue_of_a_neighbour_county_grows_and_no_text_holds_an_identifier(
    notify: Notify, event_class: type[Event]
) -> None:
    await notify.hear(told(event_class))
    assert await drained(notify, *NEIGHBOURS) == []
    items = await drained(notify, *COUNTY_QUEUES, ("AGRI@511132", "dept_head"))
    assert items
    for item in items:
        assert not holds_identifier(item["payload"]["title"] + item["payload"]["text"])
        assert "峨边彝族自治县" in item["payload"]["text"]


async def test_a_kind_of_event_yet_unknown_waits_with_its_own_household_alone(
    notify: Notify,
) -> None:
    own: dict[str, Any] = {"household_id": new_id()}
    news, after, others = (
        told(HouseholdIncomeAssessed, **own),
        told(HouseholdIncomeAssessed, sequence=2, **own),
        told(HouseholdIncomeAssessed),
    )
    unknown = replace(news.envelope, type="households.household.dissolved.v9")
    deliveries = [
        Delivery(envelope.topic, 0, offset, envelope)
        for offset, envelope in enumerate((unknown, after.envelope, others.envelope))
    ]
    async with notify.app.database.transaction() as session:
        inbox = Inbox(SERVICE.name, SERVICE.subscriptions)
        plan, _filled = await inbox.receive(session, deliveries)
    assert [event.kind for event in plan.parked] == [ParkedKind.UNKNOWN_VERSION, ParkedKind.HELD]
    assert len(await drained(notify, TOWN)) == 1
    parked = (await notify.ops("GET", "/parked-events")).json()["items"]
    assert [(one["event_id"], one["kind"]) for one in parked] == [
        (str(unknown.id), "unknown_version"),
        (str(after.envelope.id), "held"),
    ]
