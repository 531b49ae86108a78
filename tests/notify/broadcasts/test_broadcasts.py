"""Broadcasts with receipts (N-09): who is addressed, who sees what, who has not read."""

import asyncio
import csv
import io
from typing import Any

import pytest

from shared.events.notify import BroadcastIssued, BroadcastUnread, BroadcastWithdrawn
from shared.security import Role
from tests.notify.broadcasts.conftest import LETTER, NEIGHBOUR, OFFICE, Office, contact
from tests.notify.conftest import LEAD, TOWNSHIP


async def test_everybody_of_the_role_in_the_region_is_addressed_once(office: Office) -> None:
    letter = await office.issue()
    assert (letter["recipients"], letter["read"], letter["state"]) == (3, 0, "ISSUED")
    receipts = await office.receipts(letter)
    assert [(one["org"], one["label"]) for one in receipts] == [
        (LEAD, "责任人li"),
        (LEAD, "责任人wang"),
        (TOWNSHIP, "责任人a·ga"),
    ]


async def test_who_joins_later_is_not_addressed_and_who_leaves_still_is(office: Office) -> None:
    letter = await office.issue()
    await office.know(contact(LEAD, "late", "helper"))
    async with office.notify.app.database.driver_transaction() as driver:
        await driver.execute("UPDATE contacts SET state = 'REMOVED' WHERE person = 'wang'")
    assert (await office.read(letter, LEAD, "late")).status_code == 404
    assert (await office.read(letter, LEAD, "wang")).status_code == 204


async def test_several_roles_and_a_township_can_be_addressed(office: Office) -> None:
    both = await office.issue(roles=["helper", "dept_head"])
    assert both["recipients"] == 4
    town = await office.issue(region_code="511132201")
    assert town["recipients"] == 1


@pytest.mark.parametrize("role", list(Role))
async def test_whoever_is_addressed_reads_and_confirms_the_letter(
    office: Office, role: Role
) -> None:
    org = "FINOFF@511132"
    await office.know(contact(org, "zhang", role), contact("FINOFF@511133", "beside", role))
    letter = await office.issue(roles=[role])
    path = f"/{letter['broadcast_id']}"
    for its_org, person in (("FINOFF@511133", "beside"), ("HOUS@511133", "zhang")):
        beside = {"org": its_org, "role": role, "person": person}
        assert (await office.call("GET", path, **beside)).status_code == 404
        assert (await office.call("POST", f"{path}/read", **beside)).status_code == 404
    own = {"org": org, "role": role, "person": "zhang"}
    (listed,) = (await office.call("GET", **own)).json()["items"]
    assert listed["addressed"]
    assert (await office.call("GET", path, **own)).json()["text"] == LETTER["text"]
    assert (await office.call("POST", f"{path}/read", **own)).status_code == 204
    unread = await office.receipts(letter, read="false")
    assert "责任人zhang" not in [one["label"] for one in unread]


async def test_each_organisation_concerned_gets_one_message(office: Office) -> None:
    letter = await office.issue(priority=9)
    for org, role in ((LEAD, "dept_handler"), (TOWNSHIP, "township_reviewer")):
        (message,) = await office.notify.queue(org, role).pull()
        payload = message["payload"]
        assert (payload["title"], payload["text"]) == (LETTER["title"], LETTER["text"])
        assert payload["link"] == f"/api/v1/broadcasts/{letter['broadcast_id']}"
        assert (payload["purpose"], payload["information"]) == ("BROADCAST", False)
        assert (message["priority"], message["due_on"]) == (9, "2086-03-09")
        assert "organisations" not in payload
        opened = await office.call("GET", payload["link"][18:], org=org, role=role, person="x")
        assert (opened.json()["text"], opened.json()["recipients"]) == (LETTER["text"], None)
    assert await office.notify.queue("HOUS@511133").pull() == []


async def test_contacts_of_the_role_are_sent_the_message_by_their_channels(office: Office) -> None:
    await office.issue()
    async with office.notify.app.database.reading() as session:
        rows = await (await session.driver()).fetch(
            "SELECT person FROM sendings JOIN contacts USING (contact_id) ORDER BY 1"
        )
    assert [row["person"] for row in rows] == ["a·ga", "li", "wang", "wang", None]


async def test_a_letter_to_several_roles_is_sent_to_contacts_of_these_roles_alone(
    office: Office,
) -> None:
    await office.know(
        contact(LEAD, "cadre", "village_cadre"),
        contact(LEAD, None),
    )
    await office.issue(roles=["village_cadre", "helper"])
    async with office.notify.app.database.reading() as session:
        rows = await (await session.driver()).fetch(
            "SELECT DISTINCT coalesce(person, 'group') AS person FROM sendings"
            " JOIN contacts USING (contact_id) WHERE org = $1",
            LEAD,
        )
    told = {row["person"] for row in rows}
    assert {"cadre", "wang", "li", "group"} <= told
    assert "head" not in told


async def test_a_receipt_keeps_the_first_time(office: Office) -> None:
    letter = await office.issue()
    for _ in range(2):
        assert (await office.read(letter, LEAD, "wang")).status_code == 204
    (first,) = await office.receipts(letter, read=True)
    await office.read(letter, LEAD, "wang")
    assert await office.receipts(letter, read=True) == [first]
    seen = await office.call("GET", f"/{letter['broadcast_id']}")
    assert (seen.json()["recipients"], seen.json()["read"]) == (3, 1)
    mine = await office.call("GET", org=LEAD, role="helper", person="wang")
    assert mine.json()["items"][0]["read_at"] == first["read_at"]
    unread = await office.receipts(letter, read=False)
    assert [one["label"] for one in unread] == ["责任人li", "责任人a·ga"]


async def test_ten_receipts_of_one_person_at_once_leave_one_time_and_one_audit_row(
    office: Office,
) -> None:
    letter = await office.issue()
    answers = await asyncio.gather(*(office.read(letter, LEAD, "li") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {204}
    async with office.notify.app.database.reading() as session:
        driver = await session.driver()
        rows = await driver.fetch("SELECT FROM audit WHERE action = 'READ' AND person = 'li'")
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("org", "person"),
    [(LEAD, "somebody"), ("FIN@511132", "wang"), ("HOUS@511133", "neighbour"), (OFFICE, "office")],
)
async def test_only_who_is_addressed_gives_a_receipt(office: Office, org: str, person: str) -> None:
    letter = await office.issue()
    assert (await office.read(letter, org, person)).status_code == 404


async def test_the_list_of_who_has_not_read_is_a_spreadsheet_too(office: Office) -> None:
    letter = await office.issue()
    await office.read(letter, LEAD, "wang")
    path = f"/{letter['broadcast_id']}/receipts"
    answer = await office.call("GET", path, params={"read": "false", "format": "csv"})
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["收件人", "单位", "阅读时间"]
    assert [row[0] for row in rows[1:]] == ["责任人li", "责任人a·ga"]
    book = await office.call("GET", path, params={"format": "xlsx"})
    assert book.content.startswith(b"PK")


async def test_receipts_come_page_by_page(office: Office) -> None:
    letter = await office.issue()
    path, labels, cursor = f"/{letter['broadcast_id']}/receipts", [], None
    for _ in range(3):
        params = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await office.call("GET", path, params=params)).json()
        labels += [one["label"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert (labels, cursor) == (["责任人li", "责任人wang", "责任人a·ga"], None)


async def test_the_issuer_is_told_once_who_has_not_read_after_the_last_day(
    office: Office,
) -> None:
    letter = await office.issue()
    await office.read(letter, LEAD, "wang")
    queue = office.notify.queue(OFFICE, "poverty_office")
    await office.remind("2086-03-09T23:00:00+08:00")
    assert await queue.pull() == []
    for as_of in ("2086-03-10T09:00:00+08:00", "2086-03-20T09:00:00+08:00"):
        await office.remind(as_of)
    (message,) = await queue.drain()
    payload = message["payload"]
    assert payload["purpose"] == "BROADCAST_UNREAD"
    assert payload["text"] == (
        f"通知“{LETTER['title']}”要求在2086-03-09前阅读，应读3人，仍有2人未读。请督促。"
    )
    assert payload["link"] == f"/api/v1/broadcasts/{letter['broadcast_id']}/receipts?read=false"
    (event,) = await office.notify.app.events(BroadcastUnread)
    assert isinstance(event, BroadcastUnread)
    assert (event.recipients, event.unread) == (3, 2)


async def test_nobody_is_told_of_a_letter_that_everybody_has_read_or_that_is_withdrawn(
    office: Office,
) -> None:
    read, withdrawn = await office.issue(), await office.issue()
    for org, person in ((LEAD, "wang"), (LEAD, "li"), (TOWNSHIP, "a·ga")):
        await office.read(read, org, person)
    await office.call("POST", f"/{withdrawn['broadcast_id']}/withdraw", json={"reason": "日期有误"})
    await office.remind("2086-03-10T09:00:00+08:00")
    assert await office.notify.queue(OFFICE, "poverty_office").pull() == []


async def test_a_withdrawn_letter_is_recalled_and_takes_no_receipts(office: Office) -> None:
    letter = await office.issue()
    town = office.notify.queue(TOWNSHIP, "township_reviewer")
    (taken,) = await town.pull()
    await town.ack(taken)
    path = f"/{letter['broadcast_id']}"
    answer = await office.call("POST", f"{path}/withdraw", json={"reason": "日期有误"})
    assert (answer.status_code, answer.json()["state"]) == (200, "WITHDRAWN")
    assert await office.notify.queue().pull() == []
    refused = await office.read(letter, LEAD, "wang")
    assert (refused.status_code, refused.json()["code"]) == (409, "STATE_CONFLICT")
    again = await office.call("POST", f"{path}/withdraw", json={"reason": "日期有误"})
    assert again.json()["code"] == "STATE_CONFLICT"
    assert len(await office.notify.app.events(BroadcastWithdrawn)) == 1


async def test_a_texts_identifier_is_refused_with_its_field_and_place(office: Office) -> None:
    text = "请联系王某，电话19900000001。"
    answer = await office.call("POST", json=LETTER | {"text": text, "title": "511132198001019015"})
    assert (answer.status_code, answer.json()["code"]) == (422, "PERSONAL_IDENTIFIER")
    errors = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert errors.keys() == {"title", "text"}
    assert errors["title"].startswith("第1个字符")
    assert errors["text"].startswith("第9个字符")
    assert "19900000001" not in answer.text


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"text": "a\0b"}, "FORMAT"),
        ({"title": "a\0b"}, "FORMAT"),
        ({"read_by": "2019-01-01"}, "READ_BY_PAST"),
        ({"read_within_days": 3}, "READ_BY_REQUIRED"),
        ({"read_by": None}, "READ_BY_REQUIRED"),
        ({"roles": ["discipline"]}, "NO_RECIPIENTS"),
        ({"roles": []}, "TOO_FEW"),
        ({"region_code": "5111"}, "NOT_FOUND"),
        ({"region_code": "511133"}, "NOT_FOUND"),
        ({"priority": 7}, "UNKNOWN_VALUE"),
    ],
)
async def test_a_letter_that_cannot_be_sent_is_refused(
    office: Office, changed: dict[str, Any], code: str
) -> None:
    answer = await office.call("POST", json=LETTER | changed)
    assert answer.json()["code"] == code, answer.text
    assert await office.notify.queue().pull() == []
    assert await office.notify.app.events() == []


async def test_the_last_day_may_be_given_as_a_number_of_days(office: Office) -> None:
    letter = await office.issue(read_by=None, read_within_days=10)
    assert letter["read_by"] == "2086-03-12"


async def test_the_same_request_twice_is_one_letter(office: Office) -> None:
    key = {"Idempotency-Key": "letter-1"}
    first, second = [await office.call("POST", json=LETTER, headers=key) for _ in range(2)]
    assert first.json() == second.json()
    assert len(await office.receipts(first.json())) == 3


@pytest.mark.parametrize("role", ["helper", "dept_head", "township_party_secretary"])
async def test_only_offices_of_a_place_issue_letters(office: Office, role: str) -> None:
    answer = await office.call("POST", json=LETTER, role=role)
    assert answer.status_code == 403


async def test_the_neighbour_and_other_organisations_see_nothing_of_it(office: Office) -> None:
    letter = await office.issue()
    path = f"/{letter['broadcast_id']}"
    strangers = [
        (NEIGHBOUR, "poverty_office", "office"),
        ("POV@5111", "poverty_office", "office"),
        ("HOUS@511133", "helper", "wang"),
        (LEAD, "helper", "somebody"),
        ("LG@511132", "leading_group", "office"),
        ("TOWN@511132202", "township_party_secretary", "office"),
    ]
    for org, role, person in strangers:
        caller = {"org": org, "role": role, "person": person}
        assert (await office.call("GET", **caller)).json()["items"] == []
        assert (await office.call("GET", path, **caller)).status_code == 404
        assert (await office.call("POST", f"{path}/read", **caller)).status_code == 404
    for org, role, person in (strangers[0], strangers[1], strangers[4]):
        caller = {"org": org, "role": role, "person": person}
        assert (await office.call("GET", f"{path}/receipts", **caller)).status_code == 404
        withdrawal = await office.call("POST", f"{path}/withdraw", json={"reason": "x"}, **caller)
        assert withdrawal.status_code == 404
    for role in ("helper", "dept_head"):
        asked = await office.call("GET", f"{path}/receipts", org=LEAD, role=role, person="wang")
        assert asked.status_code == 403


async def test_letters_are_listed_newest_first_page_by_page(office: Office) -> None:
    letters = [await office.issue(title=f"第{number}号") for number in range(3)]
    first = (await office.call("GET", params={"limit": 2})).json()
    rest = (await office.call("GET", params={"cursor": first["next_cursor"]})).json()
    listed = [item["broadcast_id"] for item in first["items"] + rest["items"]]
    assert listed == [letter["broadcast_id"] for letter in reversed(letters)]
    assert {item["addressed"] for item in first["items"]} == {False}


async def test_ten_thousand_helpers_of_a_county_are_addressed_at_once(office: Office) -> None:
    async with office.notify.app.database.driver_transaction() as driver:
        await driver.execute(
            """
            INSERT INTO contacts (contact_id, org, roles, person, label, channel, address_sealed,
                                  address_shown, copies, state, created_at, version)
            SELECT gen_random_uuid(), 'TOWN@511132' || lpad((n % 200)::text, 3, '0'), '{helper}',
                   'helper' || n, 'helper', 'DRY_RUN', '', '', false, 'ACTIVE', now(), 1
              FROM generate_series(1, 10000) n
            """
        )
    letter = await office.issue()
    assert (letter["recipients"], letter["read"]) == (10_003, 0)
    (event,) = await office.notify.app.events(BroadcastIssued)
    assert isinstance(event, BroadcastIssued)
    assert len(event.organisations) == 202
    assert (await office.read(letter, "TOWN@511132007", "helper7")).status_code == 204
    seen = await office.call("GET", f"/{letter['broadcast_id']}")
    assert (seen.json()["recipients"], seen.json()["read"]) == (10_003, 1)
