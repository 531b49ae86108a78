"""Members join, change and leave (H-03); the version guards against lost updates."""

import asyncio
from datetime import date
from typing import Any

import httpx
import pytest

from shared.events.households import HouseholdSnapshot, HouseholdUpdated
from shared.validators import Sex
from tests.households.conftest import Households, codes, member, resident_id


@pytest.fixture
async def family(households: Households) -> dict[str, Any]:
    """A head, his wife and their son."""
    return await households.register(
        member(),
        member(name="吉克阿支", sex="F", relation="SPOUSE", born=date(1960, 5, 1)),
        member(name="阿尔小果", relation="SON", born=date(2006, 5, 1)),
    )


async def join(
    households: Households, family: dict[str, Any], how: str, on: str, **changes: Any
) -> httpx.Response:
    """The answer to somebody's joining."""
    body = {
        **member(name="新人", relation="OTHER", **changes),
        "joining": how,
        "effective_on": on,
    }
    return await households.call("POST", f"/households/{family['id']}/members", body)


async def leave(
    households: Households, family: dict[str, Any], place: int, how: str, on: str, **more: Any
) -> httpx.Response:
    """The answer to a member's leaving."""
    return await households.call(
        "POST",
        f"/households/{family['id']}/members/{family['members'][place]['id']}/leave",
        {"leaving": how, "effective_on": on, **more},
    )


async def patch(
    households: Households, family: dict[str, Any], place: int, body: dict[str, Any], **how: Any
) -> httpx.Response:
    """The answer to a change of a member."""
    path = f"/households/{family['id']}/members/{family['members'][place]['id']}"
    return await households.call("PATCH", path, body, **how)


async def test_a_newborn_counts_at_once_and_may_lack_a_number(
    households: Households, family: dict[str, Any]
) -> None:
    answer = await households.call(
        "POST",
        f"/households/{family['id']}/members",
        {
            "joining": "BIRTH",
            "effective_on": "2019-09-10",
            "name": "新生儿",
            "sex": "F",
            "relation": "GRANDCHILD",
            "reason": "出生医学证明",
        },
    )
    assert answer.status_code == 201
    view = answer.json()
    assert view["population"] == 4
    assert view["version"] == 2
    newborn = view["members"][-1]
    assert (newborn["id_no"], newborn["birth_date"], newborn["age"]) == (None, "2019-09-10", 0)
    events = await households.app.events()
    assert isinstance(events[-2], HouseholdUpdated)
    assert isinstance(events[-1], HouseholdSnapshot)
    assert events[-1].version == 2


async def test_the_newborn_gets_a_number_later(
    households: Households, family: dict[str, Any]
) -> None:
    await households.call(
        "POST",
        f"/households/{family['id']}/members",
        {
            "joining": "BIRTH",
            "effective_on": "2019-09-10",
            "name": "新生儿",
            "sex": "F",
            "relation": "GRANDCHILD",
        },
    )
    view = (await households.call("GET", f"/households/{family['id']}")).json()
    number = resident_id(date(2019, 8, 1), Sex.FEMALE)
    answer = await patch(households, view, 3, {"id_no": number})
    assert answer.status_code == 200
    assert answer.json()["members"][3]["id_no"].endswith(number[-4:])


@pytest.mark.parametrize("how", ["MARRIAGE", "MOVE_IN", "ON_RECORD"])
async def test_who_joins_otherwise_needs_a_number(
    households: Households, family: dict[str, Any], how: str
) -> None:
    answer = await join(households, family, how, "2019-09-01")
    assert answer.status_code == 201
    body = {
        "joining": how,
        "effective_on": "2019-09-01",
        "name": "新人",
        "sex": "F",
        "relation": "OTHER",
    }
    without = await households.call("POST", f"/households/{family['id']}/members", body)
    assert (without.status_code, codes(without)) == (422, {"id_no": "REQUIRED"})


@pytest.mark.parametrize(
    ("changes", "on", "status", "code"),
    [
        ({}, "2019-09-17", 422, "DATE_IN_FUTURE"),
        ({"born": date(1990, 1, 1)}, "1980-01-01", 422, "EFFECTIVE_TOO_EARLY"),
        ({"relation": "HEAD"}, "2019-09-01", 422, "HEAD_COUNT"),
        ({"sex": "F", "id_no": resident_id()}, "2019-09-01", 422, "ID_SEX_MISMATCH"),
        ({"effective_to": "2019-09-01"}, "2019-09-01", 422, "UNKNOWN_FIELD"),
    ],
)
async def test_who_cannot_join(
    households: Households,
    family: dict[str, Any],
    changes: dict[str, Any],
    on: str,
    status: int,
    code: str,
) -> None:
    body = {**member(**({"relation": "OTHER"} | changes)), "joining": "MOVE_IN", "effective_on": on}
    answer = await households.call("POST", f"/households/{family['id']}/members", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    view = await households.call("GET", f"/households/{family['id']}")
    assert view.json()["version"] == 1


async def test_nobody_joins_who_lives_elsewhere_until_having_left(
    households: Households, family: dict[str, Any]
) -> None:
    number = resident_id(date(1995, 1, 1), Sex.FEMALE)
    parents = await households.register(
        member(), member(id_no=number, sex="F", relation="DAUGHTER")
    )
    refused = await join(households, family, "MARRIAGE", "2019-09-01", id_no=number, sex="F")
    assert (refused.status_code, refused.json()["code"]) == (409, "ID_DUPLICATE")
    assert number not in refused.text
    left = await leave(households, parents, 1, "MARRIAGE", "2019-09-01")
    assert left.json()["population"] == 1
    joined = await join(households, family, "MARRIAGE", "2019-09-01", id_no=number, sex="F")
    assert joined.status_code == 201
    assert joined.json()["population"] == 4


async def test_a_death_keeps_the_person_on_record(
    households: Households, family: dict[str, Any]
) -> None:
    answer = await leave(households, family, 1, "DEATH", "2019-09-05", reason="死亡证明")
    assert answer.status_code == 200
    assert [one["name"] for one in answer.json()["members"]] == ["阿尔·木果", "阿尔小果"]
    rows = await households.rows(
        "SELECT name, effective_to, reason_out FROM members ORDER BY position"
    )
    assert len(rows) == 3
    assert (rows[1]["effective_to"], rows[1]["reason_out"]) == (date(2019, 9, 5), "DEATH")
    again = await leave(households, family, 1, "MOVE_OUT", "2019-09-06")
    assert (again.status_code, again.json()["code"]) == (409, "MEMBER_GONE")
    changed = await patch(households, family, 1, {"health": "HEALTHY"})
    assert (changed.status_code, changed.json()["code"]) == (409, "MEMBER_GONE")


async def test_a_head_who_leaves_names_the_next(
    households: Households, family: dict[str, Any]
) -> None:
    refused = await leave(households, family, 0, "DEATH", "2019-09-05")
    assert (refused.status_code, refused.json()["code"]) == (422, "HEAD_COUNT")
    wife = family["members"][1]["id"]
    answer = await leave(households, family, 0, "DEATH", "2019-09-05", new_head_id=wife)
    assert answer.status_code == 200
    assert [one["relation"] for one in answer.json()["members"]] == ["HEAD", "SON"]
    gone = await leave(
        households, family, 2, "MOVE_OUT", "2019-09-06", new_head_id=family["members"][0]["id"]
    )
    assert (gone.status_code, gone.json()["code"]) == (409, "MEMBER_GONE")


async def test_the_last_member_may_leave(households: Households) -> None:
    alone = await households.register()
    answer = await leave(households, alone, 0, "DEATH", "2019-09-05")
    assert answer.status_code == 200
    assert (answer.json()["population"], answer.json()["members"]) == (0, [])


@pytest.mark.parametrize(
    ("on", "code"), [("2019-09-17", "DATE_IN_FUTURE"), ("1950-01-01", "EFFECTIVE_TOO_EARLY")]
)
async def test_leaving_has_happened_after_joining(
    households: Households, family: dict[str, Any], on: str, code: str
) -> None:
    answer = await leave(households, family, 1, "DEATH", on)
    assert (answer.status_code, codes(answer)) == (422, {"effective_on": code})


async def test_attributes_given_change_and_the_others_stay(
    households: Households, family: dict[str, Any]
) -> None:
    first = await patch(
        households, family, 2, {"insured": {"2019": True}, "enrolled": True, "chronic": True}
    )
    assert first.status_code == 200
    second = await patch(
        households, family, 2, {"insured": {"2018": False}, "student_status": "JUNIOR_1"}
    )
    son = second.json()["members"][2]
    assert son["insured"] == {"2018": False, "2019": True}
    assert (son["enrolled"], son["student_status"]) == (True, "JUNIOR_1")
    assert son["chronic"] == {"diseases": 0, "doctor_signed": None}
    assert second.json()["version"] == 3


async def test_a_serious_illness_changes_the_cohort_and_others_hear_only_of_the_cohort(
    households: Households,
) -> None:
    view = await households.register(archive_status="ORDINARY", attribute=None, causes=None)
    assert (view["class"], view["cohort"]) == (None, "NON_ARCHIVED")
    answer = await patch(households, view, 0, {"health": "SERIOUS"})
    assert answer.json()["cohort"] == "NON_ARCHIVED_SPECIAL"
    snapshots = await households.app.events(HouseholdSnapshot)
    assert [s.cohort for s in snapshots if isinstance(s, HouseholdSnapshot)] == [
        "NON_ARCHIVED",
        "NON_ARCHIVED_SPECIAL",
    ]


async def test_a_number_may_be_corrected_but_not_to_somebody_elses(
    households: Households, family: dict[str, Any]
) -> None:
    other = resident_id()
    await households.register(member(id_no=other))
    taken = await patch(households, family, 0, {"id_no": other})
    assert (taken.status_code, taken.json()["code"]) == (409, "ID_DUPLICATE")
    number = resident_id(date(1957, 7, 1))
    corrected = await patch(households, family, 0, {"id_no": number})
    head = corrected.json()["members"][0]
    assert head["id_no"].endswith(number[-4:])
    assert head["birth_date"].startswith("1957-07")
    found = await households.call("GET", "/households", query={"q": number})
    assert [line["id"] for line in found.json()["items"]] == [family["id"]]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"sex": "F"}, {"sex": "ID_SEX_MISMATCH"}),
        ({"id_no": resident_id(date(1990, 1, 1), Sex.FEMALE)}, {"id_no": "ID_SEX_MISMATCH"}),
        ({"relation": "SPOUSE"}, {"members": "HEAD_COUNT"}),
        ({"name": "\u200b"}, {"name": "NAME_INVALID"}),
        ({"id_no": None}, {"id_no": "ID_FORMAT"}),
        ({"effective_from": "2000-01-01"}, {"effective_from": "UNKNOWN_FIELD"}),
        ({"household_id": "x"}, {"household_id": "UNKNOWN_FIELD"}),
        ({"version": 0}, {"version": "OUT_OF_RANGE"}),
        (
            {"disability": {"category": 4, "level": 3, "cert_no": "x"}},
            {"disability.cert_no": "DISABILITY_CERT_INVALID"},
        ),
    ],
)
async def test_a_change_that_does_not_fit_is_refused(
    households: Households,
    family: dict[str, Any],
    body: dict[str, Any],
    errors: dict[str, str],
) -> None:
    answer = await patch(households, family, 0, body)
    assert (answer.status_code, codes(answer)) == (422, errors)


async def test_sex_and_number_are_corrected_together(
    households: Households, family: dict[str, Any]
) -> None:
    number = resident_id(date(1956, 3, 1), Sex.FEMALE)
    answer = await patch(households, family, 0, {"sex": "F", "id_no": number})
    assert answer.status_code == 200
    assert answer.json()["members"][0]["sex"] == "F"


async def test_a_certificate_ends_in_category_and_level(
    households: Households, family: dict[str, Any]
) -> None:
    number = resident_id() + "43"
    answer = await patch(
        households, family, 0, {"disability": {"category": 4, "level": 3, "cert_no": number}}
    )
    assert answer.status_code == 200
    assert answer.json()["members"][0]["disability"] == {
        "category": 4,
        "level": 3,
        "cert_no": "*" * 16 + number[-4:],
    }


async def test_a_new_head_takes_the_former_ones_place(
    households: Households, family: dict[str, Any]
) -> None:
    answer = await patch(households, family, 2, {"relation": "HEAD", "reason": "分家"})
    assert [one["relation"] for one in answer.json()["members"]] == ["OTHER", "SPOUSE", "HEAD"]


@pytest.mark.parametrize("way", ["body", "header"])
async def test_of_twenty_changes_of_one_version_one_wins(
    households: Households, family: dict[str, Any], way: str
) -> None:
    async def change(number: int) -> int:
        body: dict[str, Any] = {"work": {"months": number % 12}}
        headers = {"If-Match": '"1"'} if way == "header" else {}
        if way == "body":
            body["version"] = 1
        return (await patch(households, family, 0, body, headers=headers)).status_code

    statuses = await asyncio.gather(*(change(number) for number in range(20)))
    assert sorted(statuses) == [200] + [409] * 19
    stale = await patch(households, family, 0, {"version": 1})
    assert (stale.json()["code"], stale.json()["version"]) == ("VERSION_CONFLICT", 2)


async def test_an_if_match_that_is_no_version_is_refused(
    households: Households, family: dict[str, Any]
) -> None:
    answer = await patch(households, family, 0, {}, headers={"If-Match": "abc"})
    assert (answer.status_code, codes(answer)) == (422, {"if-match": "VERSION_INVALID"})


async def test_joining_twice_with_one_key_adds_one(
    households: Households, family: dict[str, Any]
) -> None:
    body = {**member(relation="OTHER"), "joining": "MOVE_IN", "effective_on": "2019-09-01"}
    key = {"Idempotency-Key": "join-1"}
    path = f"/households/{family['id']}/members"
    first = await households.call("POST", path, body, headers=key)
    second = await households.call("POST", path, body, headers=key)
    assert first.json() == second.json()
    assert second.json()["class"] == "POOR_GENERAL"
    assert len(await households.rows("SELECT FROM members")) == 4
