"""Who stands behind a report: what accountability asks for (I-43)."""

from collections.abc import Mapping
from uuid import UUID

from services.inspection.accountability.domain import Link, Part
from services.inspection.work.queries import find_chain
from tests.inspection.conftest import Inspection
from tests.inspection.work.conftest import (
    CHECK,
    DONE,
    HOUS,
    TOWN,
    VILLAGE,
    accepted,
    move,
    started,
)


async def chains(inspection: Inspection, *problem_ids: str) -> Mapping[UUID, tuple[Link, ...]]:
    """The chains behind the problems."""
    async with inspection.runtime.database.statement() as connection:
        return await find_chain(connection, [UUID(one) for one in problem_ids])


async def test_the_chain_names_everybody_behind_the_present_report(
    inspection: Inspection,
) -> None:
    problem_id = await started(inspection)
    await move(inspection, problem_id, "delegate", {"to_org": TOWN["org"], "note": "请办理"})
    to_village = {"to_org": VILLAGE["org"], "note": "请落实"}
    await move(inspection, problem_id, "delegate", to_village, **TOWN)
    for who in (HOUS, TOWN, TOWN):
        await move(inspection, problem_id, "own-check", CHECK, **who)
    await move(inspection, problem_id, "submit", DONE, **VILLAGE)
    found = await chains(inspection, problem_id)
    assert found[UUID(problem_id)] == (
        Link("tester", HOUS["org"], Part.DELEGATED),
        Link("tester", TOWN["org"], Part.DELEGATED),
        Link("阿尔木果", HOUS["org"], Part.OWN_CHECK),
        Link("阿尔木果", TOWN["org"], Part.OWN_CHECK),
        Link("tester", VILLAGE["org"], Part.SUBMITTED),
        Link("阿尔木果", "HOUS@511132", Part.RESPONSIBLE),
    )


async def test_an_earlier_report_s_people_are_not_behind_the_present_one(
    inspection: Inspection,
) -> None:
    problem_id = await started(inspection)
    await move(inspection, problem_id, "own-check", CHECK, **TOWN)
    await move(inspection, problem_id, "submit", DONE, **TOWN)
    await inspection.fetch("UPDATE problems SET state = 'RECTIFYING' WHERE id = $1", problem_id)
    await move(inspection, problem_id, "submit", DONE, **VILLAGE)
    (links,) = (await chains(inspection, problem_id)).values()
    assert [(link.organisation, link.part) for link in links] == [
        (VILLAGE["org"], Part.SUBMITTED),
        ("HOUS@511132", Part.RESPONSIBLE),
    ]


async def test_each_problem_has_its_own_chain_and_one_without_a_plan_none(
    inspection: Inspection,
) -> None:
    first, second = await started(inspection), await started(inspection)
    await move(inspection, second, "submit", DONE, **VILLAGE)
    bare = await accepted(inspection)
    found = await chains(inspection, first, second, bare)
    assert {str(problem_id): len(links) for problem_id, links in found.items()} == {
        first: 1,
        second: 2,
    }
