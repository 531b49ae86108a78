"""Registering up to a thousand households at once (X-10)."""

import asyncio
from typing import Any

import pytest
from asyncpg.connection import LoggedQuery

from services.households.register.forms import read_entry
from services.households.register.registration import Registered, register_households
from shared.events.households import HouseholdRegistered, HouseholdSnapshot
from shared.security import Actor, Role
from tests.households.conftest import (
    OTHER_COUNTY_VILLAGE,
    VILLAGE,
    Households,
    codes,
    household,
    member,
    resident_id,
)


async def batch(households: Households, rows: list[Any], **how: Any) -> dict[str, Any]:
    """What became of each row."""
    answer = await households.call("POST", "/households:batch", {"rows": rows}, **how)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_each_row_gets_its_own_result(households: Households) -> None:
    on_file, twice = resident_id(), resident_id()
    await households.register(member(id_no=on_file))
    view = await batch(
        households,
        [
            household(),
            household(phone="123", village_code="511132201999"),
            household(village_code=OTHER_COUNTY_VILLAGE),
            household(member(id_no=on_file)),
            household(member(id_no=twice)),
            household(member(), member(id_no=twice, relation="SON")),
            "no household",
            household(village_code="511132201206"),
        ],
    )
    assert (view["accepted"], view["rejected"]) == (3, 5)
    assert [row["row"] for row in view["results"]] == list(range(8))
    assert [row["code"] for row in view["results"]] == [
        None,
        "INVALID",
        "NOT_FOUND",
        "ID_DUPLICATE",
        None,
        "ID_DUPLICATE",
        "INVALID",
        None,
    ]
    errors = [{e["field"]: e["code"] for e in row["errors"]} for row in view["results"]]
    assert errors[1] == {"phone": "PHONE_INVALID", "village_code": "REGION_UNKNOWN"}
    assert errors[3] == {"members.0.id_no": "ID_DUPLICATE"}
    assert errors[5] == {"members.1.id_no": "ID_DUPLICATE"}
    assert errors[6] != {}
    assert view["results"][0]["household_no"] == f"{VILLAGE}00002"
    assert len(await households.rows("SELECT FROM households")) == 4
    assert len(await households.rows("SELECT FROM members")) == 4
    assert len(await households.app.events(HouseholdRegistered)) == 4
    assert len(await households.app.events(HouseholdSnapshot)) == 4
    assert len(await households.rows("SELECT FROM audit WHERE action = 'REGISTER'")) == 4


async def test_a_hundred_households_take_as_many_statements_as_one(
    households: Households,
) -> None:
    clerk = Actor("clerk", "POV@511132", frozenset({Role.POVERTY_OFFICE}))

    async def statements(size: int) -> list[str]:
        """What is sent to the driver to register `size` households."""
        entries = [read_entry(household()) for _ in range(size)]
        sent: list[str] = []

        def note(query: LoggedQuery) -> None:
            sent.append(query.query)

        async with households.app.database.transaction() as session:
            driver = await session.driver()
            driver.add_query_logger(note)
            outcomes = await register_households(session, households.app.runtime, clerk, entries)
            driver.remove_query_logger(note)
        assert all(isinstance(outcome, Registered) for outcome in outcomes)
        return sent

    await statements(1)  # the driver asks once what jsonb is
    one, hundred = await statements(1), await statements(100)
    assert one == hundred
    assert len(hundred) == 5


async def test_the_same_batch_sent_again_registers_nobody_twice(households: Households) -> None:
    rows = [household() for _ in range(5)]
    key = {"Idempotency-Key": "batch-1"}
    first = await batch(households, rows, headers=key)
    assert await batch(households, rows, headers=key) == first
    fresh = await batch(households, rows)
    assert (fresh["accepted"], fresh["rejected"]) == (0, 5)
    assert len(await households.rows("SELECT FROM households")) == 5


async def test_batches_that_share_people_register_each_once(households: Households) -> None:
    people = [resident_id() for _ in range(20)]
    forward = [household(member(id_no=number)) for number in people]
    views = await asyncio.gather(
        batch(households, forward), batch(households, list(reversed(forward)))
    )
    assert sum(view["accepted"] for view in views) == 20
    assert len(await households.rows("SELECT FROM members")) == 20


@pytest.mark.parametrize(
    ("rows", "code"), [([], "TOO_FEW"), ([{}] * 1001, "TOO_MANY"), ("x", "TYPE_INVALID")]
)
async def test_a_batch_has_one_to_a_thousand_rows(
    one_service: Households, rows: Any, code: str
) -> None:
    answer = await one_service.call("POST", "/households:batch", {"rows": rows})
    assert answer.status_code == 422
    assert codes(answer) == {"rows": code}
