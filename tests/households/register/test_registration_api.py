"""Registering households over HTTP (H-01, H-02)."""

import asyncio
from datetime import date
from typing import Any

import pytest

from shared.events.households import HouseholdRegistered, HouseholdSnapshot
from shared.synthetic import make_bank_card, make_mobile, make_resident_id
from shared.validators import Sex
from tests.households.conftest import (
    OTHER_COUNTY_VILLAGE,
    VILLAGE,
    Households,
    codes,
    household,
    member,
    resident_id,
)


def broken(number: str) -> str:
    """`number` with a wrong check character."""
    return number[:17] + ("1" if number[17] != "1" else "2")


async def test_a_household_is_registered_with_masked_numbers(households: Households) -> None:
    number = resident_id(date(1956, 3, 1))
    spouse = member(name="吉克阿支", sex="F", relation="SPOUSE", born=date(1960, 5, 1))
    view = await households.register(member(id_no=number), spouse)
    assert view["class"] == "POOR_GENERAL"
    assert view["cohort"] == "NOT_EXITED"
    assert view["version"] == 1
    assert view["household_no"] == "51113220120500001"
    assert view["phone"] == "199****0001"
    assert view["warnings"] == []
    assert view["population"] == 2
    head = view["members"][0]
    assert head["id_no"] == f"{number[:6]}********{number[-4:]}"
    assert (head["birth_date"], head["age"]) == (f"{number[6:10]}-03-{number[12:14]}", 63)
    again = await households.call("GET", f"/households/{view['id']}")
    assert again.json() == {k: v for k, v in view.items() if k != "warnings"}
    assert again.headers["etag"] == '"1"'


async def test_others_are_told_without_anything_personal(households: Households) -> None:
    view = await households.register(
        archive_status="PRE_EXIT", exit_year=2019, elder_left_in_old_house=True
    )
    registered, snapshot = await households.app.events()
    common = {
        "household_id": view["id"],
        "household_no": view["household_no"],
        "village_code": VILLAGE,
        "archive_status": "PRE_EXIT",
        "household_class": "POOR_GENERAL",
        "cohort": "EXIT_THIS_YEAR",
        "exit_year": 2019,
        "version": 1,
    }
    assert isinstance(registered, HouseholdRegistered)
    assert registered.model_dump(mode="json") == common
    assert isinstance(snapshot, HouseholdSnapshot)
    assert snapshot.model_dump(mode="json") == common | {
        "elder_left_in_old_house": True,
        "active": True,
    }


async def test_everything_that_can_be_said_is_kept(households: Households) -> None:
    view = await households.register(
        member(
            nation="彝族",
            education="PRIMARY",
            student_status="NOT_STUDENT",
            health="CHRONIC",
            labour="WEAK",
            insured={"2019": True, "2018": False},
            chronic={"diseases": ["高血压", "糖尿病"], "doctor_signed": True},
            disability={"category": 4, "level": 3},
            work={"place": "成都", "months": 7},
        ),
        member(relation="SON", born=date(2010, 9, 1), enrolled=False, home_teaching=True),
        bank={"bank_code": "103665100011", "account": make_bank_card(7)},
        tags=["DISABLED"],
        helper_id="helper-0007",
        kit={"cert": True, "sign": True},
        identified_on="2014-05-01",
    )
    head, son = view["members"]
    assert head["insured"] == {"2019": True, "2018": False}
    assert head["chronic"] == {"diseases": 2, "doctor_signed": True}
    assert head["disability"] == {"category": 4, "level": 3, "cert_no": None}
    assert head["work"] == {"place": "成都", "months": 7}
    assert (son["enrolled"], son["home_teaching"], son["age"]) == (False, True, 9)
    assert view["bank"]["account"] == "***************" + make_bank_card(7)[-4:]
    assert view["kit"]["cert"] is True
    assert view["kit"]["book1"] is False
    assert view["causes"] == {"main": "ILLNESS", "others": ["LABOUR"]}


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"village_code": "511132201999"}, "village_code", "REGION_UNKNOWN"),
        ({"village_code": "511132201"}, "village_code", "REGION_UNKNOWN"),
        ({"village_code": "999999999999"}, "village_code", "REGION_UNKNOWN"),
        ({"village_code": "5111322012"}, "village_code", "REGION_CODE_INVALID"),
        ({"village_code": None}, "village_code", "REGION_CODE_INVALID"),
        ({"archive_status": "RICH"}, "archive_status", "UNKNOWN_VALUE"),
        ({"archive_status": "CLOSED"}, "archive_status", "STATUS_NOT_REGISTRABLE"),
        ({"phone": "123"}, "phone", "PHONE_INVALID"),
        ({"phone": 19900000001}, "phone", "PHONE_INVALID"),
        ({"members": []}, "members", "HEAD_COUNT"),
        ({"members": [member(relation="SPOUSE")]}, "members", "HEAD_COUNT"),
        ({"members": [member(), member()]}, "members", "HEAD_COUNT"),
        ({"members": [member(id_no="511132195603")]}, "members.0.id_no", "ID_FORMAT"),
        ({"members": [member(id_no=broken(resident_id()))]}, "members.0.id_no", "ID_CHECKSUM"),
        ({"members": [member(sex="F", id_no=resident_id())]}, "members.0.id_no", "ID_SEX_MISMATCH"),
        ({"members": [member(born=date(2019, 10, 1))]}, "members.0.id_no", "ID_DATE"),
        ({"members": [member(name="李\u200b四")]}, "members.0.name", "NAME_INVALID"),
        ({"members": [member(name="李\u202e四")]}, "members.0.name", "NAME_INVALID"),
        ({"members": [member(name="木" * 51)]}, "members.0.name", "NAME_INVALID"),
        (
            {"members": [member(member_since="2019-09-17")]},
            "members.0.member_since",
            "DATE_IN_FUTURE",
        ),
        (
            {"members": [member(member_since="1930-01-01")]},
            "members.0.member_since",
            "EFFECTIVE_TOO_EARLY",
        ),
        ({"members": [member(health="ILL")]}, "members.0.health", "UNKNOWN_VALUE"),
        (
            {"members": [member(insured={"1999": True})]},
            "members.0.insured.1999.[key]",
            "OUT_OF_RANGE",
        ),
        ({"members": [member(id_hash="x")]}, "members.0.id_hash", "UNKNOWN_FIELD"),
        ({"bank": {"account": "6228480000000000019"}}, "bank.account", "ACCOUNT_INVALID"),
        ({"causes": {"main": "IDLE"}}, "causes.main", "UNKNOWN_VALUE"),
        (
            {"causes": {"main": "ILLNESS", "others": ["LABOUR", "SKILL", "LAND"]}},
            "causes.others",
            "CAUSES_TOO_MANY",
        ),
        ({"identified_on": "2019-09-17"}, "identified_on", "DATE_IN_FUTURE"),
        ({"group_name": "三\x00组"}, "group_name", "FORMAT"),
        ({"household_no": "1"}, "household_no", "UNKNOWN_FIELD"),
        ({"version": 9}, "version", "UNKNOWN_FIELD"),
        ({"id": "0190d0a0-0000-7000-8000-000000000000"}, "id", "UNKNOWN_FIELD"),
        ({"class": "EXITED"}, "class", "UNKNOWN_FIELD"),
        ({"cohort": "EXITED"}, "cohort", "UNKNOWN_FIELD"),
    ],
)
async def test_a_field_at_fault_is_named(
    one_service: Households, changes: dict[str, Any], field: str, code: str
) -> None:
    answer = await one_service.call("POST", "/households", household(**changes))
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert codes(answer) == {field: code}


@pytest.mark.parametrize("missing", ["village_code", "archive_status", "phone", "members"])
async def test_what_a_household_must_have_is_required(
    one_service: Households, missing: str
) -> None:
    body = household()
    del body[missing]
    answer = await one_service.call("POST", "/households", body)
    assert codes(answer) == {missing: "REQUIRED"}


async def test_every_fault_is_told_at_once(one_service: Households) -> None:
    body = household(
        member(relation="SPOUSE", id_no=broken(resident_id()), name=""),
        village_code="511132201999",
        phone="123",
        archive_status="RICH",
        surprise=1,
    )
    answer = await one_service.call("POST", "/households", body)
    assert answer.status_code == 422
    assert codes(answer) == {
        "village_code": "REGION_UNKNOWN",
        "archive_status": "UNKNOWN_VALUE",
        "phone": "PHONE_INVALID",
        "members": "HEAD_COUNT",
        "members.0.name": "NAME_INVALID",
        "members.0.id_no": "ID_CHECKSUM",
        "surprise": "UNKNOWN_FIELD",
    }
    assert all(isinstance(error["message"], str) for error in answer.json()["errors"])


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"{", b"null"])
async def test_a_body_that_is_no_household_is_refused(one_service: Households, body: bytes) -> None:
    answer = await one_service.call(
        "POST", "/households", body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("phone", ["NONE", "none", "无", None])
async def test_a_household_without_a_telephone_says_so(households: Households, phone: str) -> None:
    view = await households.register(phone=phone)
    assert view["phone"] is None


async def test_a_prefix_that_is_no_county_is_a_warning(households: Households) -> None:
    view = await households.register(
        member(id_no=make_resident_id("999999", date(1956, 3, 12), Sex.MALE, 0))
    )
    assert [(w["field"], w["code"]) for w in view["warnings"]] == [
        ("members.0.id_no", "ID_REGION_UNKNOWN")
    ]


async def test_a_county_younger_than_the_person_is_no_fault(households: Households) -> None:
    # 511132 is younger than the person; numbers were given out decades after birth.
    view = await households.register(
        member(id_no=make_resident_id("511132", date(1956, 3, 12), Sex.MALE, 49))
    )
    assert view["warnings"] == []


async def test_the_same_number_in_a_second_household_is_refused(households: Households) -> None:
    number = resident_id()
    await households.register(member(id_no=number))
    answer = await households.call(
        "POST",
        "/households",
        household(member(relation="SPOUSE", id_no=number.lower()), member()),
    )
    assert answer.status_code == 409
    assert answer.json()["code"] == "ID_DUPLICATE"
    assert codes(answer) == {"members.0.id_no": "ID_DUPLICATE"}
    assert number not in answer.text
    assert len(await households.rows("SELECT FROM households")) == 1
    assert len(await households.rows("SELECT FROM members")) == 1


async def test_the_same_number_twice_in_one_household_is_refused(households: Households) -> None:
    number = resident_id()
    answer = await households.call(
        "POST",
        "/households",
        household(member(id_no=number), member(id_no=number, relation="SON")),
    )
    assert answer.status_code == 409
    assert codes(answer) == {"members.1.id_no": "ID_DUPLICATE"}


@pytest.mark.parametrize("second_village", [VILLAGE, "511132201206"])
async def test_of_two_simultaneous_registrations_one_wins(
    households: Households, second_village: str
) -> None:
    for _round in range(5):
        number = resident_id()
        answers = await asyncio.gather(
            *(
                households.call(
                    "POST", "/households", household(member(id_no=number), village_code=village)
                )
                for village in (VILLAGE, second_village, VILLAGE, second_village)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(await households.rows("SELECT FROM members")) == 5
    assert len(await households.app.events(HouseholdRegistered)) == 5


async def test_households_of_a_village_are_numbered_without_gaps(households: Households) -> None:
    views = await asyncio.gather(*(households.register() for _ in range(8)))
    numbers = sorted(view["household_no"] for view in views)
    assert numbers == [f"{VILLAGE}{running:05d}" for running in range(1, 9)]


async def test_the_same_key_answers_once_and_another_body_is_refused(
    households: Households,
) -> None:
    body = household()
    key = {"Idempotency-Key": "register-1"}
    first = await households.call("POST", "/households", body, headers=key)
    second = await households.call("POST", "/households", body, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    other = await households.call("POST", "/households", household(), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")
    assert len(await households.rows("SELECT FROM households")) == 1


@pytest.mark.parametrize(
    ("org", "role", "village", "status"),
    [
        ("VILLAGE@511132201205", "village_cadre", VILLAGE, 201),
        ("TOWN@511132201", "township_reviewer", VILLAGE, 201),
        ("VILLAGE@511132201206", "village_cadre", VILLAGE, 404),
        ("TOWN@511132202", "township_reviewer", VILLAGE, 404),
        ("POV@511132", "poverty_office", OTHER_COUNTY_VILLAGE, 404),
        ("HOUS@511132", "dept_handler", VILLAGE, 403),
        ("POV@511132", "inspector", VILLAGE, 403),
        ("POV@511132", "household", VILLAGE, 403),
    ],
)
async def test_who_may_register_where(
    households: Households, org: str, role: str, village: str, status: int
) -> None:
    answer = await households.call(
        "POST", "/households", household(village_code=village), org=org, roles=(role,)
    )
    assert answer.status_code == status


async def test_without_a_token_nothing_is_registered(households: Households) -> None:
    answer = await households.app.client.post("/api/v1/households", json=household())
    assert answer.status_code == 401


async def test_registering_is_audited(households: Households) -> None:
    view = await households.register()
    (row,) = await households.rows("SELECT * FROM audit")
    assert (row["action"], row["object_type"], row["object_id"]) == (
        "REGISTER",
        "household",
        view["id"],
    )
    assert (row["person"], row["organisation"]) == ("poverty_office-1", "POV@511132")


async def test_how_many_secondary_causes_are_allowed_is_configured(
    households: Households,
) -> None:
    causes = {"main": "ILLNESS", "others": ["LABOUR", "SKILL", "LAND"]}
    set_ = await households.call(
        "PUT",
        "/config/511132/secondary_causes_maximum",
        {"value": 3, "effective_from": "2019-01-01"},
    )
    assert set_.status_code == 200
    await households.register(causes=causes)


async def test_a_name_is_found_by_any_separator_and_rare_characters_survive(
    households: Households,
) -> None:
    view = await households.register(member(name="阿尔•木果"))
    assert view["members"][0]["name"] == "阿尔·木果"
    for written in (
        "阿尔·木果",
        "阿尔•木果",
        "阿尔・木果",
        "阿尔‧木果",
        "阿尔．木果",
        " 阿尔·木果 ",
    ):
        answer = await households.call("GET", "/households", query={"q": written})
        assert [line["id"] for line in answer.json()["items"]] == [view["id"]]
    rare = await households.register(member(name="𠮷䶮"), phone=make_mobile(2))
    found = await households.call("GET", "/households", query={"q": "𠮷䶮"})
    assert [line["head_name"] for line in found.json()["items"]] == ["𠮷䶮"]
    assert rare["members"][0]["name"] == "𠮷䶮"


async def test_full_width_digits_and_a_small_x_are_the_same_number(
    households: Households,
) -> None:
    number = next(n for n in iter(resident_id, None) if n.endswith("X"))
    wide = "".join(chr(ord(c) + 0xFEE0) for c in number.lower())
    view = await households.register(member(id_no=wide))
    found = await households.call("GET", "/households", query={"q": number})
    assert [line["id"] for line in found.json()["items"]] == [view["id"]]


async def test_women_have_even_numbers(households: Households) -> None:
    view = await households.register(
        member(sex="F", id_no=resident_id(date(1970, 1, 1), Sex.FEMALE))
    )
    assert view["members"][0]["sex"] == "F"
