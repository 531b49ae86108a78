"""POST /problems:batch: each row whole or refused, duplicates merged, history imported (X-10)."""

import time
from typing import Any

from tests.inspection.conftest import PHOTO, VILLAGE, Inspection, finding

OBJECT = {"type": "HOUSEHOLD", "id": "01990000-0000-7000-8000-000000000001"}
OPS: dict[str, Any] = {"org": "OPS@511132", "roles": ("ops",)}


async def test_a_thousand_rows_are_stored_and_every_bad_one_is_named(
    inspection: Inspection,
) -> None:
    rows: list[Any] = [finding() for _ in range(1000)]
    bad = {
        3: (rows[3] | {"found_on": "2019-02-30"}, "DATE_INVALID", "found_on"),
        77: ({"kind": "X"}, "INVALID", "source"),
        500: (rows[500] | {"village_code": "511133001001"}, "NOT_FOUND", None),
        501: (rows[501] | {"requested_due_on": "2020-01-01"}, "DUE_TOO_LATE", "requested_due_on"),
        502: (rows[502] | {"team": "\0"}, "FORMAT", "team"),
        503: (rows[503] | {"evidence": [{**PHOTO, "ref": "\0"}]}, "FORMAT", "evidence.0.ref"),
        998: ("nonsense", "TYPE_INVALID", "row"),
    }
    for index, (row, _, _) in bad.items():
        rows[index] = row
    answer = await inspection.post("/problems:batch", {"rows": rows}, key="b")
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert (view["logged"], view["merged"], view["refused"]) == (993, 0, 7)
    assert [result["index"] for result in view["results"]] == list(range(1000))
    for index, (_, code, field) in bad.items():
        result = view["results"][index]
        assert result["status"] in (404, 422)
        assert (result["code"], result["id"]) == (code, None)
        assert field is None or result["errors"][0]["field"] == field
    good = view["results"][0]
    assert (good["status"], good["state"], good["lead_dept"]) == (201, "DISPATCHED", "HOUS")
    assert len({result["problem_no"] for result in view["results"]} - {None}) == 993
    for table, expected in (("problems", 993), ("timer", 993), ("audit", 993), ("outbox", 1986)):
        assert await inspection.count(table) == expected
    assert (await inspection.get("/stats/problems")).json()["found"] == 993


async def test_a_batch_takes_a_handful_of_statements(inspection: Inspection) -> None:
    await inspection.log()  # connections and statements are warm
    before = time.perf_counter()
    answer = await inspection.post("/problems:batch", {"rows": [finding() for _ in range(1000)]})
    assert answer.status_code == 201
    # A statement per row would take several seconds; the bound is generous for slow machines.
    assert time.perf_counter() - before < 5


async def test_duplicates_within_a_batch_become_one_problem_with_several_sources(
    inspection: Inspection,
) -> None:
    sources = ["AUDIT", "MEDIA", "AUDIT", "SAMPLE"]
    rows = [finding(object=OBJECT, source=source) for source in sources]
    view = (await inspection.post("/problems:batch", {"rows": rows})).json()
    assert [result["status"] for result in view["results"]] == [201, 200, 200, 200]
    (problem_id,) = {result["id"] for result in view["results"]}
    problem = await inspection.problem(problem_id)
    assert [one["source"] for one in problem["sources"]] == ["AUDIT", "MEDIA", "SAMPLE"]
    assert await inspection.happened() == [
        "logged",
        "dispatched",
        "source_added",
        "source_added",
    ]


async def test_rows_that_repeat_open_problems_are_merged_with_them(
    inspection: Inspection,
) -> None:
    known = await inspection.log(object=OBJECT)
    rows = [finding(), finding(object=OBJECT, source="AUDIT")]
    view = (await inspection.post("/problems:batch", {"rows": rows})).json()
    assert [result["status"] for result in view["results"]] == [201, 200]
    assert view["results"][1]["id"] == known["id"]


async def test_a_batch_with_a_key_is_answered_once(inspection: Inspection) -> None:
    rows = {"rows": [finding(), finding()]}
    first = await inspection.post("/problems:batch", rows, key="b")
    second = await inspection.post("/problems:batch", rows, key="b")
    assert second.json() == first.json()
    assert await inspection.count("problems") == 2
    other = await inspection.post("/problems:batch", {"rows": [finding()]}, key="b")
    assert other.json()["code"] == "IDEMPOTENCY_CONFLICT"


async def test_an_empty_or_too_large_batch_is_refused(inspection: Inspection) -> None:
    empty = await inspection.post("/problems:batch", {"rows": []})
    assert (empty.status_code, empty.json()["code"]) == (422, "TOO_FEW")
    large = await inspection.post("/problems:batch", {"rows": [{}] * 1001})
    assert (large.status_code, large.json()["code"]) == (422, "TOO_MANY")


async def test_an_import_brings_closed_problems_without_queue_entry_or_timer(
    inspection: Inspection,
) -> None:
    rows = [
        finding(historic={"state": "CLOSED", "closed_on": "2019-09-10"}),
        finding(historic={"state": "RECTIFYING"}),
        finding(),
        finding(historic={"state": "CLOSED"}),
        finding(historic={"state": "CLOSED", "closed_on": "2019-08-19"}),
        finding(historic={"state": "WITHDRAWN"}),
    ]
    view = (await inspection.post("/problems:batch", {"rows": rows}, **OPS)).json()
    assert [row["state"] for row in view["results"]][:3] == ["CLOSED", "DISPATCHED", "DISPATCHED"]
    refused = ["CLOSED_OUT_OF_TIME", "CLOSED_OUT_OF_TIME", "HISTORIC_WITHDRAWN"]
    assert [row["code"] for row in view["results"]][3:] == refused
    closed = view["results"][0]["id"]
    assert await inspection.happened(closed) == ["logged", "closed"]
    assert await inspection.count("timer") == 2
    figures = (await inspection.get("/stats/problems")).json()
    assert (figures["found"], figures["done"]) == (3, 1)
    before = (await inspection.get("/stats/problems", {"as_of": "2019-09-09"})).json()
    assert (before["found"], before["done"]) == (3, 0)


async def test_closed_history_of_one_object_stands_beside_its_open_problem(
    inspection: Inspection,
) -> None:
    closed = {"state": "CLOSED", "closed_on": "2019-09-01"}
    rows = [
        finding(object=OBJECT, historic=closed),
        finding(object=OBJECT),
        finding(object=OBJECT, found_on="2019-08-01", historic=closed),
    ]
    view = (await inspection.post("/problems:batch", {"rows": rows}, **OPS)).json()
    assert [row["status"] for row in view["results"]] == [201, 201, 201]


async def test_only_operations_import_history(inspection: Inspection) -> None:
    rows = [finding(historic={"state": "CLOSED", "closed_on": "2019-09-10"})]
    view = (await inspection.post("/problems:batch", {"rows": rows})).json()
    assert view["results"][0]["code"] == "HISTORIC_FOR_OPS"
    assert VILLAGE not in view["results"][0]["errors"][0]["message"]
