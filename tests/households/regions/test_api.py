"""Regions over HTTP: periods, scope, lists."""

import pytest

from shared.events.households import RegionStored
from tests.households.conftest import NOW, VILLAGE, Households, codes


async def test_the_national_list_is_there_and_nobody_was_told(households: Households) -> None:
    answer = await households.call("GET", f"/regions/{VILLAGE}", roles=("household",))
    assert answer.status_code == 200
    assert answer.json() == {
        "code": VILLAGE,
        "name": "桐花村村民委员会",
        "level": "VILLAGE",
        "parent": "511132201",
        "kind": None,
        "admin_zone": False,
        "centroid": None,
        "rural_population": None,
        "valid_from": "1949-10-01",
        "valid_to": None,
    }
    assert await households.app.events(RegionStored) == []


async def test_a_new_name_ends_the_old_period_and_is_published(households: Households) -> None:
    answer = await households.call(
        "PUT",
        f"/regions/{VILLAGE}",
        {
            "name": "桐花新村",
            "parent": "511132201",
            "level": "VILLAGE",
            "kind": "POOR_VILLAGE",
            "centroid": {"lng": 103.26, "lat": 29.23},
            "rural_population": 812,
        },
    )
    assert answer.status_code == 200
    assert answer.json()["valid_from"] == "2019-09-16"
    before = await households.call("GET", f"/regions/{VILLAGE}", query={"as_of": "2019-09-15"})
    assert before.json()["name"] == "桐花村村民委员会"
    assert before.json()["valid_to"] == "2019-09-16"
    now = await households.call("GET", f"/regions/{VILLAGE}")
    assert now.json()["name"] == "桐花新村"
    assert now.json()["centroid"] == {"lng": 103.26, "lat": 29.23}
    (event,) = await households.app.events(RegionStored)
    assert isinstance(event, RegionStored)
    assert (event.code, event.name, event.kind) == (VILLAGE, "桐花新村", "POOR_VILLAGE")
    assert (event.longitude, event.rural_population) == (103.26, 812)


async def test_measured_figures_amend_the_present_period(households: Households) -> None:
    body = {"name": "桐花村村民委员会", "rural_population": 800}
    answer = await households.call("PUT", f"/regions/{VILLAGE}", body)
    assert answer.json()["valid_from"] == "1949-10-01"
    assert answer.json()["rural_population"] == 800
    again = await households.call("PUT", f"/regions/{VILLAGE}", body)
    assert again.status_code == 200
    assert len(await households.app.events(RegionStored)) == 1


async def test_a_new_code_replaces_old_ones_which_stay_on_record(households: Households) -> None:
    new = "511132201299"
    answer = await households.call(
        "PUT", f"/regions/{new}", {"name": "并村", "replaces": [VILLAGE, "511132201206"]}
    )
    assert answer.status_code == 200
    gone = await households.call("GET", f"/regions/{VILLAGE}")
    assert gone.status_code == 404
    past = await households.call("GET", f"/regions/{VILLAGE}", query={"as_of": "2019-09-15"})
    assert past.json()["valid_to"] == "2019-09-16"
    events = await households.app.events(RegionStored)
    told = {event.code: event.valid_to for event in events if isinstance(event, RegionStored)}
    assert set(told) == {new, VILLAGE, "511132201206"}
    assert told[new] is None
    assert told[VILLAGE] is not None
    refused = await households.call(
        "POST", "/households", {"village_code": VILLAGE, "members": [], "phone": "NONE"}
    )
    assert codes(refused)["village_code"] == "REGION_UNKNOWN"


async def test_a_code_may_be_used_again_after_it_was_replaced(households: Households) -> None:
    await households.call("PUT", "/regions/511132201299", {"name": "并村", "replaces": [VILLAGE]})
    answer = await households.call(
        "PUT", f"/regions/{VILLAGE}", {"name": "桐花村"}, now="2020-01-01T00:00:00+08:00"
    )
    assert answer.json()["valid_from"] == "2020-01-01"
    sequences = await households.rows(
        "SELECT event_sequence FROM regions WHERE code = $1 ORDER BY valid_from", VILLAGE
    )
    assert [row["event_sequence"] for row in sequences] == [1, 2]


@pytest.mark.parametrize(
    ("code", "body", "field", "refusal"),
    [
        (VILLAGE, {"name": "村", "parent": "511132202"}, "parent", "PARENT_MISMATCH"),
        (VILLAGE, {"name": "村", "level": "COUNTY"}, "level", "LEVEL_MISMATCH"),
        ("511132999001", {"name": "村"}, "parent", "REGION_PARENT_UNKNOWN"),
        (VILLAGE, {"name": "村", "valid_from": "2019-09-17"}, "valid_from", "DATE_IN_FUTURE"),
        (VILLAGE, {"name": "村", "valid_from": "1949-01-01"}, "valid_from", "VALID_FROM_TOO_EARLY"),
        (VILLAGE, {"name": "村", "replaces": [VILLAGE]}, "replaces.0", "REGION_UNKNOWN"),
        (VILLAGE, {"name": "村", "replaces": ["511132201298"]}, "replaces.0", "REGION_UNKNOWN"),
        (VILLAGE, {"name": " "}, "name", "TOO_SHORT"),
        (VILLAGE, {"name": "村\x00"}, "name", "FORMAT"),
        (VILLAGE, {"name": "村", "event_sequence": 9}, "event_sequence", "UNKNOWN_FIELD"),
        ("5111322012", {"name": "村"}, "code", "REGION_CODE_INVALID"),
    ],
)
async def test_a_region_that_does_not_fit_is_refused(
    households: Households, code: str, body: dict[str, object], field: str, refusal: str
) -> None:
    answer = await households.call("PUT", f"/regions/{code}", body)
    assert answer.status_code == 422
    assert codes(answer) == {field: refusal}
    assert await households.app.events(RegionStored) == []


async def test_nobody_stores_a_region_outside_the_own_one(households: Households) -> None:
    foreign = await households.call("PUT", "/regions/620523100200", {"name": "村"})
    assert foreign.status_code == 404
    replaced = await households.call(
        "PUT", "/regions/511132201299", {"name": "村", "replaces": ["620523100200"]}
    )
    assert replaced.status_code == 404


@pytest.mark.parametrize("role", ["village_cadre", "inspector", "household"])
async def test_only_the_office_and_operations_keep_regions(
    households: Households, role: str
) -> None:
    answer = await households.call("PUT", f"/regions/{VILLAGE}", {"name": "村"}, roles=(role,))
    assert answer.status_code == 403
    answer = await households.call("POST", "/regions:import", b"code,name\n", roles=(role,))
    assert answer.status_code == 403


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_a_list_is_stored_with_its_bad_rows_reported(
    households: Households, encoding: str
) -> None:
    listed = (
        "code,name,streetCode\n"
        "511132201205,桐花村,511132201\n"  # renamed
        "511132201000,宜坪乡,x\n"  # unchanged, written with zeros
        "511132201207,䶮村,x\n"  # new
        "511132201207,再来,x\n"
        "5111322,短,x\n"
        "511132201208,,x\n"
        "511132998001,孤村,x\n"
        "620523100299,外县村,x\n"
    )
    answer = await households.call("POST", "/regions:import", listed.encode(encoding))
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert (done["stored"], done["unchanged"]) == (2, 1)
    refused = [(row["line"], row["region_code"], row["code"]) for row in done["refused"]]
    assert refused == [
        (5, None, "REGION_DUPLICATE"),
        (6, None, "REGION_CODE_INVALID"),
        (7, None, "REGION_NAME_INVALID"),
        (None, "511132998001", "REGION_PARENT_UNKNOWN"),
        (None, "620523100299", "REGION_OUT_OF_SCOPE"),
    ]
    new = await households.call("GET", "/regions/511132201207")
    assert new.json()["name"] == "䶮村"
    again = await households.call("POST", "/regions:import", listed.encode(encoding))
    assert (again.json()["stored"], again.json()["unchanged"]) == (0, 3)
    events = await households.app.events(RegionStored)
    assert {event.subject for event in events} == {VILLAGE, "511132201207"}


async def test_an_import_keeps_what_the_list_does_not_say(households: Households) -> None:
    await households.call(
        "PUT",
        f"/regions/{VILLAGE}",
        {"name": "桐花村", "kind": "POOR_VILLAGE", "rural_population": 800},
        now="2019-09-01T00:00:00+08:00",
    )
    await households.call("POST", "/regions:import", f"code,name\n{VILLAGE},桐花新村\n".encode())
    answer = await households.call("GET", f"/regions/{VILLAGE}")
    assert answer.json()["name"] == "桐花新村"
    assert answer.json()["kind"] == "POOR_VILLAGE"
    assert answer.json()["rural_population"] == 800


@pytest.mark.parametrize("body", [b"", b"name\n1\n", b"\xff\xfe\xff\n"])
async def test_a_file_that_is_no_list_is_refused_whole(households: Households, body: bytes) -> None:
    answer = await households.call("POST", "/regions:import", body or b"\n")
    assert answer.status_code == 422
    assert answer.json()["code"] == "REGION_LIST_UNREADABLE"


async def test_a_name_with_a_nul_is_refused_and_the_rest_stored(households: Households) -> None:
    listed = "code,name\n511132201205,桐\x00花\n511132201206,新村\n"
    answer = await households.call("POST", "/regions:import", listed.encode())
    assert answer.status_code == 200
    assert answer.json()["stored"] == 1
    assert [row["code"] for row in answer.json()["refused"]] == ["REGION_NAME_INVALID"]


async def test_regions_are_listed_by_code_page_by_page(households: Households) -> None:
    found: list[str] = []
    query: dict[str, str | int] = {"parent": "511132", "level": "TOWNSHIP", "limit": 5}
    while True:
        answer = await households.call("GET", "/regions", query=query)
        page = answer.json()
        found += [region["code"] for region in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(found) == 13
    assert found == sorted(found)
    assert all(code.startswith("511132") and len(code) == 9 for code in found)


async def test_a_list_as_of_a_day_shows_the_names_of_that_day(households: Households) -> None:
    await households.call("PUT", f"/regions/{VILLAGE}", {"name": "桐花新村"}, now=NOW)
    names = {}
    for day in ("2019-09-15", "2019-09-16"):
        answer = await households.call(
            "GET", "/regions", query={"parent": "511132201", "as_of": day}
        )
        names[day] = {row["code"]: row["name"] for row in answer.json()["items"]}[VILLAGE]
    assert names == {"2019-09-15": "桐花村村民委员会", "2019-09-16": "桐花新村"}


@pytest.mark.parametrize(
    "query", [{"limit": 1_000_000_000}, {"limit": -1}, {"level": "STREET"}, {"cursor": "x"}]
)
async def test_a_malformed_page_is_refused(
    households: Households, query: dict[str, str | int]
) -> None:
    answer = await households.call("GET", "/regions", query=query)
    assert answer.status_code == 422


async def test_what_operations_store_is_audited(households: Households) -> None:
    await households.call(
        "PUT", f"/regions/{VILLAGE}", {"name": "桐花新村"}, org="OPS@51", roles=("ops",)
    )
    rows = await households.rows("SELECT * FROM audit WHERE object_type = 'region'")
    assert [(row["action"], row["object_id"], row["organisation"]) for row in rows] == [
        ("STORE", VILLAGE, "OPS@51")
    ]
