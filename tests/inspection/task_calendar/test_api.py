"""Task calendars over HTTP: drawn up, added to, completed, listed by what is overdue (I-56)."""

from typing import Any

import pytest

from tests.inspection.conftest import Inspection

TASK: dict[str, Any] = {
    "title": "完成村文化室建设",
    "phase": "HARDWARE",
    "due": "2019-09 上旬",
    "person": "孙文化",
    "org": "CULT@511132",
}
CALENDAR: dict[str, Any] = {"region_code": "511132", "year": 2019, "name": "2019年倒排工期"}
PERSONS = {
    "HARDWARE": "张硬件",
    "FILES": "王资料",
    "GAPS": "李补短",
    "SELF_ACCEPTANCE": "赵自验",
    "ACCEPTANCE": "钱迎检",
}
CULTURE: dict[str, Any] = {"org": "CULT@511132", "roles": ("dept_handler",)}
TOWNSHIP: dict[str, Any] = {"org": "TOWN@511132201", "roles": ("township_reviewer",)}
BESIDE: dict[str, Any] = {"org": "POV@511133"}


async def drawn(inspection: Inspection, *tasks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Draw up a calendar, which must succeed; the answer."""
    body = CALENDAR | {"tasks": list(tasks)} | changes
    answer = await inspection.post("/task-calendars", body)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def titles(
    inspection: Inspection,
    calendar: dict[str, Any],
    who: dict[str, Any] | None = None,
    **query: Any,
) -> list[str]:
    """The titles of a calendar's tasks, in order."""
    path = f"/task-calendars/{calendar['id']}/tasks"
    answer = await inspection.get(path, query, **(who or {}))
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def test_a_calendar_is_drawn_up_once(inspection: Inspection) -> None:
    body = CALENDAR | {"tasks": [TASK]}
    answer = await inspection.post("/task-calendars", body, key="c")
    view = answer.json()
    assert answer.status_code == 201, answer.text
    task = {"due_on": "2019-09-10", "state": "OPEN", "done_on": None, "overdue": True}
    assert view == {
        **CALENDAR,
        "id": view["id"],
        "tasks": [{**TASK, **task, "id": view["tasks"][0]["id"]}],
    }
    again = await inspection.post("/task-calendars", body, key="c")
    assert (again.status_code, again.json()) == (201, view)
    del view["tasks"]
    assert (await inspection.get(f"/task-calendars/{view['id']}")).json() == view
    assert (await inspection.get("/task-calendars", {"year": 2019})).json()["items"] == [view]
    assert (await inspection.get("/task-calendars", {"year": 2020})).json()["items"] == []


async def test_the_template_brings_the_year_s_phases_with_their_persons(
    inspection: Inspection,
) -> None:
    view = await drawn(inspection, TASK, template="SEED", persons=PERSONS)
    tasks = [(task["phase"], task["due"], task["person"]) for task in view["tasks"]]
    assert tasks == [
        ("HARDWARE", "2019-06", "张硬件"),
        ("FILES", "2019-08", "王资料"),
        ("GAPS", "2019-09", "李补短"),
        ("SELF_ACCEPTANCE", "2019-10", "赵自验"),
        ("ACCEPTANCE", "2019-11", "钱迎检"),
        ("HARDWARE", "2019-09 上旬", "孙文化"),
    ]
    hardware = {phase: person for phase, person in PERSONS.items() if phase != "GAPS"}
    body = CALENDAR | {"template": "SEED", "persons": hardware}
    answer = await inspection.post("/task-calendars", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "PERSON_REQUIRED")
    assert answer.json()["errors"][0]["field"] == "persons.GAPS"


async def test_a_task_is_added_to_a_calendar(inspection: Inspection) -> None:
    calendar = await drawn(inspection, TASK)
    path = f"/task-calendars/{calendar['id']}/tasks"
    body = TASK | {"title": "修路", "due": "2019-08", "org": None}
    answer = await inspection.post(path, body, key="t")
    assert (answer.status_code, answer.json()["due_on"]) == (201, "2019-08-31")
    assert (await inspection.post(path, body, key="t")).json() == answer.json()
    assert await titles(inspection, calendar) == ["修路", "完成村文化室建设"]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"person": None}, "PERSON_REQUIRED", "person"),
        ({"person": "  "}, "PERSON_REQUIRED", "person"),
        ({"person": "\u200b"}, "NAME_INVALID", "person"),
        ({"due": "2019-09-31"}, "DUE_INVALID", "due"),
        ({"due": 201909}, "DUE_INVALID", "due"),
        ({"due": "2020-01"}, "DUE_OUTSIDE_YEAR", "due"),
        ({"org": "CULT@511133"}, "UNIT_OUTSIDE_REGION", "org"),
        ({"org": "CULT"}, "FORMAT", "org"),
        ({"phase": "REST"}, "UNKNOWN_VALUE", "phase"),
        ({"title": ""}, "TOO_SHORT", "title"),
        ({"title": "\x00"}, "FORMAT", "title"),
        ({"stray": 1}, "UNKNOWN_FIELD", "stray"),
    ],
)
async def test_a_task_out_of_order_is_refused(
    inspection: Inspection, changes: dict[str, Any], code: str, field: str
) -> None:
    body = CALENDAR | {"tasks": [TASK, TASK | changes]}
    answer = await inspection.post("/task-calendars", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["field"] == f"tasks.1.{field}"
    assert await inspection.count("calendar_tasks") == 0
    calendar = await drawn(inspection)
    answer = await inspection.post(f"/task-calendars/{calendar['id']}/tasks", TASK | changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["field"] == field


async def test_a_task_is_completed_by_its_department_once(inspection: Inspection) -> None:
    calendar = await drawn(inspection, TASK)
    path = f"/task-calendars/{calendar['id']}/tasks/{calendar['tasks'][0]['id']}/complete"
    early = await inspection.post(path, {"done_on": "2019-09-17"}, **CULTURE)
    assert (early.status_code, early.json()["code"]) == (422, "DONE_IN_FUTURE")
    answer = await inspection.post(path, {}, **CULTURE)
    names = ("state", "done_on", "overdue")
    assert [answer.json()[name] for name in names] == ["DONE", "2019-09-16", False]
    again = await inspection.post(path, {"done_on": "2019-09-15"}, **CULTURE)
    assert (again.status_code, again.json()["code"]) == (409, "STATE_CONFLICT")


@pytest.mark.parametrize(
    ("org", "role"),
    [
        ("CULT@511132", "dept_handler"),
        ("DISC@511132", "discipline"),
        ("FINOFF@511132", "finance"),
        ("GOV@511132", "county_gov"),
        ("TOWN@511132201", "township_party_secretary"),
        ("VILLAGE@511132201205", "resident_team"),
    ],
)
async def test_whoever_has_a_task_reads_and_completes_it(
    inspection: Inspection, org: str, role: str
) -> None:
    calendar = await drawn(inspection, TASK | {"org": org})
    own: dict[str, Any] = {"org": org, "roles": (role,)}
    assert await titles(inspection, calendar, own) == [TASK["title"]]
    path = f"/task-calendars/{calendar['id']}/tasks/{calendar['tasks'][0]['id']}/complete"
    beside: dict[str, Any] = {"org": "POV@511133", "roles": (role,)}
    assert (await inspection.post(path, {}, **beside)).status_code == 404
    assert (await inspection.post(path, {}, **own)).json()["state"] == "DONE"


async def test_what_is_overdue_is_judged_on_a_day(inspection: Inspection) -> None:
    tasks = [
        TASK | {"title": f"至{due}", "due": due} for due in ("2019-10", "2019-09", "2019-08 下旬")
    ]
    calendar = await drawn(inspection, *tasks)
    path = f"/task-calendars/{calendar['id']}/tasks/{calendar['tasks'][2]['id']}/complete"
    await inspection.post(path, {"done_on": "2019-09-05"})
    assert await titles(inspection, calendar) == ["至2019-08 下旬", "至2019-09", "至2019-10"]
    assert await titles(inspection, calendar, overdue=True) == []
    assert await titles(inspection, calendar, overdue=True, as_of="2019-09-04") == [
        "至2019-08 下旬"
    ]
    assert await titles(inspection, calendar, overdue=True, as_of="2019-10-01") == ["至2019-09"]
    later = await titles(inspection, calendar, overdue=False, as_of="2019-10-01")
    assert later == ["至2019-08 下旬", "至2019-10"]
    assert await titles(inspection, calendar, phase="FILES") == []
    path = f"/task-calendars/{calendar['id']}/tasks"
    first = (await inspection.get(path, {"limit": 2})).json()
    rest = (await inspection.get(path, {"cursor": first["next_cursor"]})).json()
    assert [item["title"] for item in rest["items"]] == ["至2019-10"]


async def test_a_department_sees_its_own_tasks_a_township_those_of_units_in_it(
    inspection: Inspection,
) -> None:
    tasks = [
        TASK,
        TASK | {"title": "修路", "org": "TRANS@511132"},
        TASK | {"title": "入户核对", "org": "TOWN@511132201"},
        TASK | {"title": "总调度", "org": None},
    ]
    calendar = await drawn(inspection, *tasks)
    assert len(await titles(inspection, calendar)) == 4
    assert await titles(inspection, calendar, CULTURE) == ["完成村文化室建设"]
    assert await titles(inspection, calendar, TOWNSHIP) == ["入户核对"]
    for who in (CULTURE, TOWNSHIP):
        path = f"/task-calendars/{calendar['id']}/tasks/{calendar['tasks'][1]['id']}/complete"
        answer = await inspection.post(path, {}, **who)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_a_neighbour_sees_and_changes_nothing_here(inspection: Inspection) -> None:
    calendar = await drawn(inspection, TASK)
    path = f"/task-calendars/{calendar['id']}"
    task = f"{path}/tasks/{calendar['tasks'][0]['id']}/complete"
    answers = [
        await inspection.get(path, **BESIDE),
        await inspection.get(f"{path}/tasks", **BESIDE),
        await inspection.post(f"{path}/tasks", TASK, **BESIDE),
        await inspection.post(task, {}, **BESIDE),
        await inspection.post("/task-calendars", CALENDAR, **BESIDE),
        # The calendar of its county is shown to a township, not changed by it.
        await inspection.post(f"{path}/tasks", TASK, org="TOWN@511132201"),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(404, "NOT_FOUND")] * 6
    assert (await inspection.get("/task-calendars", **BESIDE)).json()["items"] == []


async def test_a_calendar_shows_above_at_and_below_its_region(inspection: Inspection) -> None:
    calendar = await drawn(inspection, TASK)
    for org in ("CITY@5111", "HOUS@511132", "TOWN@511132201", "VILLAGE@511132201205"):
        one = await inspection.get(f"/task-calendars/{calendar['id']}", org=org)
        listed = (await inspection.get("/task-calendars", org=org)).json()["items"]
        assert (one.status_code, [item["id"] for item in listed]) == (200, [calendar["id"]])


async def test_a_task_of_another_calendar_is_not_found(inspection: Inspection) -> None:
    first, second = await drawn(inspection, TASK), await drawn(inspection, TASK)
    path = f"/task-calendars/{first['id']}/tasks/{second['tasks'][0]['id']}/complete"
    assert (await inspection.post(path, {})).status_code == 404


async def test_a_department_draws_up_nothing_and_a_household_reads_nothing(
    inspection: Inspection,
) -> None:
    calendar = await drawn(inspection, TASK)
    path = f"/task-calendars/{calendar['id']}"
    task = f"{path}/tasks/{calendar['tasks'][0]['id']}/complete"
    household: dict[str, Any] = {"roles": ("household",)}
    answers = [
        await inspection.post("/task-calendars", CALENDAR, **CULTURE),
        await inspection.post(f"{path}/tasks", TASK, **CULTURE),
        await inspection.post(task, {}, **household),
        await inspection.get("/task-calendars", **household),
        await inspection.get(path, **household),
        await inspection.get(f"{path}/tasks", **household),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "FORBIDDEN")] * 6
