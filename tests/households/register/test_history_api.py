"""Past states, changes, lists and searches of households (H-08)."""

from datetime import date
from typing import Any

import pytest

from shared.synthetic import make_mobile
from tests.households.conftest import VILLAGE, Households, codes, household, member, resident_id


def at(day: str) -> str:
    """Ten in the morning of a day of September 2019."""
    return f"2019-09-{day}T10:00:00+08:00"


async def seen(households: Households, view: dict[str, Any], day: str | None) -> Any:
    """What the register says now, or said at the end of a day."""
    query = {"as_of": day} if day else {}
    return await households.call("GET", f"/households/{view['id']}", query=query, now=at("20"))


async def test_as_of_gives_the_state_at_the_end_of_the_day(households: Households) -> None:
    answer = await households.call(
        "POST", "/households", household(member(), phone=make_mobile(1)), now=at("01")
    )
    view = answer.json()
    path = f"/households/{view['id']}"
    await households.call(
        "PATCH", path, {"group_name": "四组", "phone": make_mobile(2)}, now=at("05")
    )
    await households.call("PATCH", path, {"phone": "NONE"}, now=at("05"))
    await households.call(
        "POST",
        f"{path}/members",
        {
            **member(name="新人", relation="OTHER"),
            "joining": "MOVE_IN",
            "effective_on": "2019-09-08",
        },
        now=at("10"),
    )
    states = {}
    for day in ("2019-09-01", "2019-09-04", "2019-09-05", "2019-09-09", "2019-09-10", None):
        state = (await seen(households, view, day)).json()
        states[day] = (
            state["version"],
            state["group_name"],
            state["phone"],
            [one["name"] for one in state["members"]],
        )
    first = (1, "三组", "199****0001", ["阿尔·木果"])
    third = (3, "四组", None, ["阿尔·木果"])
    fourth = (4, "四组", None, ["阿尔·木果", "新人"])
    assert states == {
        "2019-09-01": first,
        "2019-09-04": first,
        "2019-09-05": third,
        "2019-09-09": third,
        "2019-09-10": fourth,
        None: fourth,
    }


async def test_before_it_was_registered_there_was_no_household(households: Households) -> None:
    answer = await households.call("POST", "/households", household(), now=at("05"))
    view = answer.json()
    assert (await seen(households, view, "2019-09-04")).status_code == 404
    await households.call(
        "PATCH", f"/households/{view['id']}", {"group_name": "四组"}, now=at("08")
    )
    assert (await seen(households, view, "2019-09-04")).status_code == 404
    assert (await seen(households, view, "0001-01-01")).status_code == 404
    assert (await seen(households, view, "9999-12-31")).status_code == 200


async def test_nothing_is_deleted_and_past_numbers_stay_sealed(households: Households) -> None:
    number = resident_id()
    view = await households.register(member(id_no=number))
    path = f"/households/{view['id']}/members/{view['members'][0]['id']}"
    corrected = resident_id()
    await households.call("PATCH", path, {"id_no": corrected}, now="2019-09-17T10:00:00+08:00")
    (row,) = await households.rows("SELECT members::text AS members FROM household_versions")
    assert number not in row["members"]
    before = (await seen(households, view, "2019-09-16")).json()
    assert before["members"][0]["id_no"].endswith(number[-4:])
    after = (await seen(households, view, "2019-09-17")).json()
    assert after["members"][0]["id_no"].endswith(corrected[-4:])


async def test_who_changed_what_when_and_why_is_answered(households: Households) -> None:
    view = await households.register()
    await households.call(
        "PATCH",
        f"/households/{view['id']}",
        {"group_name": "四组", "reason": "并组", "source_document": "宜坪乡〔2019〕3号"},
        org="TOWN@511132201",
        roles=("township_reviewer",),
    )
    await households.call("PATCH", f"/households/{view['id']}", {"phone": make_mobile(3)})
    answer = await households.call("GET", f"/households/{view['id']}/changes")
    registered, regrouped, telephoned = answer.json()["items"]
    assert registered["action"] == "REGISTER"
    assert regrouped["at"] == "2019-09-16T02:00:00Z"
    assert (regrouped["person"], regrouped["organisation"]) == (
        "township_reviewer-1",
        "TOWN@511132201",
    )
    assert regrouped["reason"] == "并组"
    assert regrouped["change"] == {
        "group_name": ["三组", "四组"],
        "source_document": "宜坪乡〔2019〕3号",
    }
    assert telephoned["change"] == {"phone_sealed": ["***", "***"]}
    page = await households.call("GET", f"/households/{view['id']}/changes", query={"limit": 2})
    assert page.json()["items"] == [registered, regrouped]
    rest = await households.call(
        "GET", f"/households/{view['id']}/changes", query={"cursor": page.json()["next_cursor"]}
    )
    assert rest.json()["items"] == [telephoned]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"archive_status": "EXITED"}, "archive_status", "UNKNOWN_FIELD"),
        ({"village_code": VILLAGE}, "village_code", "UNKNOWN_FIELD"),
        ({"household_no": "1"}, "household_no", "UNKNOWN_FIELD"),
        ({"cohort": "EXITED"}, "cohort", "UNKNOWN_FIELD"),
        ({"id": "1"}, "id", "UNKNOWN_FIELD"),
        ({"phone": "1"}, "phone", "PHONE_INVALID"),
        (
            {"causes": {"main": "SKILL", "others": ["LAND", "WATER", "OTHER"]}},
            "causes.others",
            "CAUSES_TOO_MANY",
        ),
    ],
)
async def test_a_change_that_does_not_fit_is_refused(
    households: Households, body: dict[str, Any], field: str, code: str
) -> None:
    view = await households.register()
    answer = await households.call("PATCH", f"/households/{view['id']}", body)
    assert (answer.status_code, codes(answer)) == (422, {field: code})
    assert (await seen(households, view, None)).json()["version"] == 1


async def test_a_stale_version_is_refused(households: Households) -> None:
    view = await households.register()
    path = f"/households/{view['id']}"
    await households.call("PATCH", path, {"tags": ["NO_LABOUR"], "version": 1})
    for stale in ({"version": 1}, {}):
        answer = await households.call(
            "PATCH", path, {"group_name": "五组", **stale}, headers={"If-Match": '"1"'}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "VERSION_CONFLICT")
        assert answer.json()["version"] == 2


async def test_a_closed_household_takes_no_more_changes(households: Households) -> None:
    view = await households.register()
    await households.rows("UPDATE households SET archive_status = 'CLOSED'")
    member_path = f"/households/{view['id']}/members/{view['members'][0]['id']}"
    joining = {**member(relation="OTHER"), "joining": "MOVE_IN", "effective_on": "2019-09-01"}
    for method, path, body in (
        ("PATCH", f"/households/{view['id']}", {"group_name": "五组"}),
        ("PATCH", member_path, {"health": "HEALTHY"}),
        ("POST", f"{member_path}/leave", {"leaving": "DEATH", "effective_on": "2019-09-01"}),
        ("POST", f"/households/{view['id']}/members", joining),
    ):
        answer = await households.call(method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "HOUSEHOLD_CLOSED")


async def test_households_are_found_by_number_id_and_name(households: Households) -> None:
    number = resident_id()
    view = await households.register(
        member(id_no=number), member(name="独特名", relation="SON", born=date(2000, 1, 1))
    )
    await households.register()
    for q in (view["household_no"], number, number.lower(), "独特名"):
        answer = await households.call("GET", "/households", query={"q": q})
        (line,) = answer.json()["items"]
        assert line["id"] == view["id"]
        assert (line["head_name"], line["population"], line["class"]) == (
            "阿尔·木果",
            2,
            "POOR_GENERAL",
        )
    for q in (resident_id(), "不存在", "51113220120599999"):
        answer = await households.call("GET", "/households", query={"q": q})
        assert answer.json()["items"] == []
    refused = await households.call("GET", "/households", query={"q": "12345"})
    assert (refused.status_code, refused.json()["code"]) == (422, "NAME_INVALID")
    assert "12345" not in refused.text


async def test_households_are_listed_by_village_and_status_page_by_page(
    households: Households,
) -> None:
    for village in (VILLAGE, "511132201206"):
        for status in ("POOR", "EXITED", "EXITED"):
            await households.register(village_code=village, archive_status=status)
    found: list[tuple[str, str]] = []
    query: dict[str, str | int] = {"archive_status": "EXITED", "limit": 3}
    while True:
        page = (await households.call("GET", "/households", query=query)).json()
        found += [(line["village_code"], line["household_no"][-1]) for line in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == [(VILLAGE, "2"), (VILLAGE, "3"), ("511132201206", "2"), ("511132201206", "3")]
    village_only = await households.call("GET", "/households", query={"village_code": VILLAGE})
    assert len(village_only.json()["items"]) == 3


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 10**9},
        {"limit": -1},
        {"archive_status": "RICH"},
        {"village_code": "5"},
        {"cursor": "AAAA"},
        {"q": ""},
    ],
)
async def test_a_malformed_list_request_is_refused(
    one_service: Households, query: dict[str, str | int]
) -> None:
    answer = await one_service.call("GET", "/households", query=query)
    assert answer.status_code == 422
