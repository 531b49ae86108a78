"""Templates through HTTP: read, tried out, changed for a region from a date on."""

from typing import Any

import httpx
import pytest

from services.notify.queues.domain.notices import Purpose
from tests.notify.conftest import Notify, Story

OFFICE = ("POV@511132", "poverty_office")
NEIGHBOUR = ("POV@511133", "poverty_office")


async def preview(
    notify: Notify, body: dict[str, Any], caller: tuple[str, str] = OFFICE
) -> httpx.Response:
    """The answer to a preview."""
    return await notify.app.client.post(
        "/api/v1/templates/preview", json=body, headers=notify.app.headers(*caller)
    )


async def store(
    notify: Notify,
    key: str,
    value: Any,
    region: str = "511132",
    since: str = "2086-01-01",
    caller: tuple[str, str] = OFFICE,
) -> httpx.Response:
    """The answer to a change of a template."""
    return await notify.app.client.put(
        f"/api/v1/config/{region}/{key}",
        json={"value": value, "effective_from": since},
        headers=notify.app.headers(*caller),
    )


async def test_every_purpose_offers_its_template_with_explained_variables(notify: Notify) -> None:
    answer = await notify.app.client.get("/api/v1/templates", headers=notify.app.headers(*OFFICE))
    assert answer.status_code == 200
    items = {item["purpose"]: item for item in answer.json()["items"]}
    assert set(items) == set(Purpose)
    reminder = items["REMINDER"]
    assert (reminder["name"], reminder["key"]) == ("整改提醒", "template_reminder")
    assert reminder["event_types"] == ["notify.reminder.sent.v1"]
    assert reminder["template"]["text"] == "{subject}{remaining}，{due}。"
    variables = {one["name"]: one for one in reminder["variables"]}
    assert variables["remaining"] == {
        "name": "remaining",
        "description": "距整改期限的天数",
        "example": "距整改期限还有3天",
    }
    assert "inspection.problem.rerouted.v1" in items["DISPATCH"]["event_types"]
    assert all(one["description"] for item in items.values() for one in item["variables"])


@pytest.mark.parametrize("purpose", Purpose)
async def test_the_template_in_force_of_every_purpose_can_be_previewed(
    notify: Notify, purpose: Purpose
) -> None:
    answer = await preview(notify, {"purpose": purpose, "region": "511132"})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert all(said[field] and "{" not in said[field] for field in ("title", "text", "copy"))


async def test_another_wording_is_tried_out_on_data_of_ones_own(notify: Notify) -> None:
    answer = await preview(
        notify,
        {
            "purpose": "REMINDER",
            "region": "511132201205",
            "template": {
                "title": "催办：{kind}",
                "text": "{subject}{remaining}，请{lead}抓紧。",
                "copy": "{remaining}",
            },
            "data": {"days_left": 0, "lead_dept": "WATER"},
        },
    )
    assert answer.json() == {
        "title": "催办：住房安全无保障",
        "text": "峨边彝族自治县宜坪乡桐花村“住房安全无保障”问题今天到期，请水利部门抓紧。",
        "copy": "今天到期",
    }


@pytest.mark.parametrize(
    ("template", "field", "code"),
    [
        ({"title": "{deadline}", "text": "x"}, "title", "TEMPLATE_VARIABLE_UNKNOWN"),
        ({"title": "x", "text": "{lead.x}"}, "text", "TEMPLATE_MALFORMED"),
        ({"title": "x", "text": "x", "copy": "{"}, "copy", "TEMPLATE_MALFORMED"),
        ({"title": "x", "text": "电话19900000001"}, "text", "PERSONAL_IDENTIFIER"),
    ],
)
async def test_a_broken_wording_is_neither_previewed_nor_stored(
    notify: Notify, template: dict[str, str], field: str, code: str
) -> None:
    tried = await preview(notify, {"purpose": "REMINDER", "region": "511132", "template": template})
    stored = await store(notify, "template_reminder", template)
    for answer, path in ((tried, "template"), (stored, "value")):
        assert answer.status_code == 422
        assert answer.json()["code"] == code
        (error,) = answer.json()["errors"]
        assert error["field"] == f"{path}.{field}"
        assert "19900000001" not in answer.text


@pytest.mark.parametrize(
    "value",
    [
        "整改提醒",
        {"title": "x"},
        {"title": "", "text": "x"},
        {"title": "x", "text": "x", "link": "/elsewhere"},
        {"title": "x", "text": "x" * 2001},
    ],
)
async def test_a_value_that_is_no_wording_is_refused(notify: Notify, value: Any) -> None:
    answer = await store(notify, "template_reminder", value)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALUE_INVALID")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"days_left": "soon"}, "data.days_left"),
        ({"days_left": {"a": 1}}, "data.days_left"),
        ({"kind": None}, "data.kind"),
        ({"19900000001": 1}, "data"),
    ],
)
async def test_sample_data_that_no_event_has_are_refused(
    notify: Notify, data: dict[str, Any], field: str
) -> None:
    answer = await preview(notify, {"purpose": "REMINDER", "region": "511132", "data": data})
    assert (answer.status_code, answer.json()["code"]) == (422, "TEMPLATE_DATA_INVALID")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "19900000001" not in answer.text


async def test_identifiers_in_sample_data_do_not_show(notify: Notify) -> None:
    answer = await preview(
        notify,
        {
            "purpose": "DISPUTED",
            "region": "511132",
            "template": {"title": "x", "text": "{clause}"},
            "data": {"clause": "联系19900000001"},
        },
    )
    assert answer.json()["text"] == "联系***"


async def test_messages_say_what_was_in_force_for_their_region_on_the_day_of_their_event(
    notify: Notify,
) -> None:
    wording = {
        "title": "新任务：{kind}",
        "text": "{subject}请{lead}办理。",
        "copy": "{subject}请知悉。",
    }
    answer = await store(notify, "template_dispatch", wording, since="2086-03-10")
    assert answer.status_code == 200, answer.text
    assert answer.json()["value"] == wording
    early, late = Story(), Story()
    foreign = Story(village_code="511133201205", lead_dept="HOUS@511133")
    at = "2086-03-10T10:00:00+08:00"
    await notify.hear(early.tell(), late.tell(at=at), foreign.tell(at=at))
    titles = {
        item["problem_id"]: (item["payload"]["title"], item["payload"]["text"])
        for item in await notify.queue().drain()
    }
    assert titles[str(early.problem_id)][0].startswith("整改任务：")
    assert titles[str(late.problem_id)] == (
        "新任务：住房安全无保障",
        "峨边彝族自治县宜坪乡桐花村“住房安全无保障”问题请住建部门办理。",
    )
    *_, copied = await notify.queue("FIN@511132").drain()
    assert copied["payload"]["text"].endswith("请知悉。")
    (other,) = await notify.queue("HOUS@511133").drain()
    assert other["payload"]["title"].startswith("整改任务：")


@pytest.mark.parametrize("path", ["list", "preview", "store"])
async def test_a_neighbouring_county_is_out_of_reach(notify: Notify, path: str) -> None:
    headers = notify.app.headers(*NEIGHBOUR)
    if path == "list":
        answer = await notify.app.client.get("/api/v1/templates?region=511132", headers=headers)
    elif path == "preview":
        answer = await preview(notify, {"purpose": "CLOSED", "region": "511132"}, NEIGHBOUR)
    else:
        wording = {"title": "x", "text": "y"}
        answer = await store(notify, "template_closed", wording, caller=NEIGHBOUR)
    assert answer.status_code == 404


@pytest.mark.parametrize("role", ["dept_handler", "county_gov", "inspector"])
async def test_others_do_not_write_templates(notify: Notify, role: str) -> None:
    body = {"purpose": "CLOSED", "region": "511132"}
    assert (await preview(notify, body, ("HOUS@511132", role))).status_code == 403
    headers = notify.app.headers("HOUS@511132", role)
    answer = await notify.app.client.get("/api/v1/templates", headers=headers)
    assert answer.status_code == 403


async def test_a_stored_wording_of_another_release_leaves_the_others_in_force(
    notify: Notify,
) -> None:
    wording = {"title": "x", "text": "y"}
    answer = await store(notify, "template_closed", wording, since="2026-01-01")
    assert answer.status_code == 200
    async with notify.app.database.statement() as connection:
        await connection.execute(
            "INSERT INTO configuration VALUES"
            " ('511132', 'template_dispatch', '2026-01-01', '{\"old\": 1}', 'p', now())"
        )
    await notify.app.runtime.configuration.load(notify.app.database)
    answer = await notify.app.client.get("/api/v1/templates", headers=notify.app.headers(*OFFICE))
    titles = {item["purpose"]: item["template"]["title"] for item in answer.json()["items"]}
    assert titles["CLOSED"] == "x"
    assert titles["DISPATCH"].startswith("整改任务")


@pytest.mark.parametrize("data", [{"village_code": "\0"}, {"days_left": 10**400}])
async def test_sample_data_that_no_event_could_hold_are_refused(
    notify: Notify, data: dict[str, Any]
) -> None:
    answer = await preview(notify, {"purpose": "REMINDER", "region": "511132", "data": data})
    assert answer.status_code in (200, 422), answer.text


async def test_a_wording_that_cannot_be_stored_is_refused(notify: Notify) -> None:
    answer = await store(notify, "template_closed", {"title": "x\0", "text": "y"})
    assert answer.status_code == 422, answer.text
