"""POST /problems: logged, routed, dated and told in one go, or refused with nothing stored."""

from typing import Any

import pytest

from shared.events.inspection import ProblemDispatched, ProblemLogged
from shared.ids import new_id
from tests.inspection.conftest import PHOTO, VILLAGE, Inspection, finding

HOUSEHOLD = "01990000-0000-7000-8000-000000000001"
OBJECT = {"type": "HOUSEHOLD", "id": HOUSEHOLD}
STORES = ("problems", "ledger_deltas", "ledger_days", "timer", "audit", "outbox", "idempotency")


async def test_a_finding_stands_in_the_department_s_queue_with_its_deadline(
    inspection: Inspection,
) -> None:
    answer = await inspection.post("/problems", finding(object=OBJECT), key="k")
    assert answer.status_code == 201
    view = answer.json()
    assert view["state"] == "DISPATCHED"
    assert view["lead_dept"] == "HOUS"
    assert view["due_on"] == "2019-09-19"
    assert view["due_rules"] == ["RELATIVE_GENERAL"]
    assert view["merged"] is False
    assert view["flags"] == {
        "overdue": False,
        "false_rectification": False,
        "late_found": False,
        "object_unverified": True,
        "unrouted": False,
        "no_policy": False,
        "accountable": False,
        "systemic": False,
    }
    logged, dispatched = await inspection.app.events()
    assert isinstance(logged, ProblemLogged)
    assert isinstance(dispatched, ProblemDispatched)
    assert (logged.state, dispatched.state) == ("LOGGED", "DISPATCHED")
    assert logged.source == "COUNTY_INSPECTION"
    assert str(dispatched.problem_id) == view["id"]
    assert dispatched.object.ref == HOUSEHOLD
    assert dispatched.lead_dept == "HOUS"
    assert dispatched.flags.object_unverified


async def test_logging_leaves_a_timer_an_audit_row_and_a_ledger_change(
    inspection: Inspection,
) -> None:
    view = await inspection.log()
    (timer,) = await inspection.fetch("SELECT * FROM timer")
    assert str(timer["subject_id"]) == view["id"]
    assert (timer["kind"], timer["state"], timer["simulated"]) == ("overdue_1", "armed", True)
    assert timer["due_at"].isoformat() == "2019-09-19T15:59:59+00:00"
    (trail,) = (await inspection.problem(view["id"]))["audit"]
    assert (trail["action"], trail["person"]) == ("LOG", "tester")
    assert trail["organisation"] == "POV@511132"
    assert trail["change"] == {"state": [None, "DISPATCHED"], "due_on": "2019-09-19"}
    figures = (await inspection.get("/stats/problems")).json()
    assert (figures["found"], figures["done"], figures["open"]) == (1, 0, 1)


async def test_events_of_a_problem_are_numbered_in_the_order_they_are_sent(
    inspection: Inspection,
) -> None:
    await inspection.log()
    rows = await inspection.fetch("SELECT aggregate_seq, event_type FROM outbox ORDER BY id")
    assert [row["aggregate_seq"] for row in rows] == [1, 2]
    assert rows[1]["event_type"] == "inspection.problem.dispatched.v1"


async def test_nothing_personal_and_no_description_leaves_with_the_events(
    inspection: Inspection,
) -> None:
    await inspection.log(description="户主电话 19900000001")
    for row in await inspection.fetch("SELECT payload::text AS payload FROM outbox"):
        assert "19900000001" not in row["payload"]
        assert "description" not in row["payload"]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        # B8: impossible dates
        ({"found_on": "2026-02-30"}, "DATE_INVALID", "found_on"),
        ({"found_on": "infinity"}, "DATE_INVALID", "found_on"),
        ({"found_on": 1566259200}, "DATE_INVALID", "found_on"),
        ({"found_on": "20190820"}, "DATE_INVALID", "found_on"),
        ({"found_on": "2019-08-20T00:00:00"}, "DATE_INVALID", "found_on"),
        ({"found_on": "1999-12-31"}, "DATE_OUT_OF_RANGE", "found_on"),
        ({"found_on": "9999-12-31"}, "DATE_OUT_OF_RANGE", "found_on"),
        ({"found_on": "2019-09-17"}, "FOUND_IN_FUTURE", "found_on"),
        ({"requested_due_on": "2019-02-29"}, "DATE_INVALID", "requested_due_on"),
        ({"requested_due_on": "infinity"}, "DATE_INVALID", "requested_due_on"),
        ({"requested_due_on": "9999-01-01"}, "DATE_OUT_OF_RANGE", "requested_due_on"),
        ({"requested_due_on": "2019-08-19"}, "DUE_BEFORE_FOUND", "requested_due_on"),
        ({"requested_due_on": "2019-09-20"}, "DUE_TOO_LATE", "requested_due_on"),
        (
            {"scope": "SYSTEMIC", "requested_due_on": "2019-09-19"},
            "SYSTEMIC_WITHOUT_DEADLINE",
            "requested_due_on",
        ),
        # classes and forms
        ({"source": "RUMOUR"}, "UNKNOWN_VALUE", "source"),
        ({"tier": "SOON"}, "UNKNOWN_VALUE", "tier"),
        ({"scope": "GLOBAL"}, "UNKNOWN_VALUE", "scope"),
        ({"severity": "BAD"}, "UNKNOWN_VALUE", "severity"),
        ({"cohort": "EXITD"}, "UNKNOWN_VALUE", "cohort"),
        ({"hand_over": "PIGEON"}, "UNKNOWN_VALUE", "hand_over"),
        ({"kind": "housing"}, "FORMAT", "kind"),
        ({"description": "  "}, "TOO_SHORT", "description"),
        ({"description": "长" * 2001}, "TOO_LONG", "description"),
        ({"village_code": "51113220120"}, "REGION_CODE_INVALID", "village_code"),
        ({"stray": 1}, "UNKNOWN_FIELD", "stray"),
        ({"evidence": [{"ref": "a", "sha256": "x"}]}, "FORMAT", "evidence.0.sha256"),
        ({"evidence": [PHOTO | {"phase": "LATER"}]}, "UNKNOWN_VALUE", "evidence.0.phase"),
        ({"suspected": True, "evidence": []}, "EVIDENCE_REQUIRED", "evidence"),
        # place and object
        ({"village_code": None}, "VILLAGE_REQUIRED", "village_code"),
        ({"village_code": "511132201"}, "VILLAGE_REQUIRED", "village_code"),
        ({"object": {"type": "HOUSEHOLD", "id": "511132198001019015"}}, "ID_INVALID", "object.id"),
        ({"object": {"type": "HOUSEHOLD"}}, "OBJECT_INVALID", "object"),
        ({"object": {"type": "HOUSEHOLD", "code": "511132201205"}}, "OBJECT_INVALID", "object"),
        (
            {"object": {"type": "HOUSEHOLD", "id": HOUSEHOLD, "code": "511132"}},
            "OBJECT_INVALID",
            "object",
        ),
        ({"object": {"type": "VILLAGE", "id": HOUSEHOLD}}, "OBJECT_INVALID", "object"),
        ({"object": {"type": "VILLAGE", "code": "511132201"}}, "OBJECT_INVALID", "object.code"),
        (
            {"object": {"type": "VILLAGE", "code": "511132201206"}},
            "OBJECT_PLACE_MISMATCH",
            "village_code",
        ),
        ({"object": {"type": "FUND", "code": "511132198001019015"}}, "FORMAT", "object.code"),
        # campaign and import
        ({"campaign_id": HOUSEHOLD}, "CAMPAIGN_UNKNOWN", "campaign_id"),
        (
            {"historic": {"state": "CLOSED", "closed_on": "2019-09-01"}},
            "HISTORIC_FOR_OPS",
            "historic",
        ),
    ],
)
async def test_a_finding_out_of_order_is_refused_and_nothing_is_stored(
    inspection: Inspection, changes: dict[str, Any], code: str, field: str
) -> None:
    answer = await inspection.post("/problems", finding(**changes), key="k")
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert (body["code"], body["errors"][0]["field"]) == (code, field)
    assert [await inspection.count(table) for table in STORES] == [0] * len(STORES)


@pytest.mark.parametrize("name", ["source", "found_on", "kind", "tier", "object", "description"])
async def test_a_finding_says_at_least_what_was_found_where_and_when(
    inspection: Inspection, name: str
) -> None:
    missing = await inspection.post("/problems", finding(**{name: None}))
    assert missing.status_code == 422
    assert missing.json()["errors"] == [{"field": name, "code": "REQUIRED", "message": "必填。"}]
    null = finding()
    null[name] = None
    assert (await inspection.post("/problems", null)).status_code == 422


async def test_a_place_or_fund_can_have_a_problem_too(inspection: Inspection) -> None:
    for object_, kind in (
        ({"type": "VILLAGE", "code": VILLAGE}, "ROAD_SUBSTANDARD"),
        ({"type": "TOWNSHIP", "code": "511132201"}, "HELPER_MISSING"),
        ({"type": "COUNTY", "code": "511132"}, "FUND_SLOW"),
    ):
        answer = await inspection.post(
            "/problems", finding(object=object_, kind=kind, village_code=None)
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["flags"]["object_unverified"] is False
        problem = await inspection.problem(answer.json()["id"])
        assert problem["village_code"] == problem["object"]["ref"] == object_["code"]
    for object_ in (
        {"type": "FUND", "code": "CENTRAL-2019"},
        {"type": "PROJECT", "id": HOUSEHOLD},
        {"type": "PERSON", "id": HOUSEHOLD},
    ):
        view = await inspection.log(object=object_, kind="FUND_IRREGULAR")
        assert view["flags"]["object_unverified"] is True


async def test_a_village_nobody_has_heard_of_is_accepted_as_unverified(
    inspection: Inspection,
) -> None:
    code = "511132201399"
    view = await inspection.log(object={"type": "VILLAGE", "code": code}, village_code=code)
    assert view["flags"]["object_unverified"] is True


async def test_a_county_nobody_has_heard_of_is_refused(inspection: Inspection) -> None:
    answer = await inspection.post("/problems", finding(village_code="519999001001"), org="PROV@51")
    assert (answer.status_code, answer.json()["code"]) == (422, "REGION_UNKNOWN")


async def test_an_unknown_kind_goes_to_the_poverty_office_unrouted(
    inspection: Inspection,
) -> None:
    view = await inspection.log(kind="SOMETHING_NEW")
    assert (view["lead_dept"], view["flags"]["unrouted"]) == ("POV", True)


async def test_a_systemic_problem_is_dispatched_without_a_deadline_or_timer(
    inspection: Inspection,
) -> None:
    view = await inspection.log(scope="SYSTEMIC")
    assert (view["state"], view["due_on"]) == ("DISPATCHED", None)
    assert view["due_rules"] == ["SYSTEMIC"]
    assert view["flags"]["systemic"] is True
    assert await inspection.count("timer") == 0


async def test_the_finder_may_ask_for_a_shorter_deadline(inspection: Inspection) -> None:
    view = await inspection.log(requested_due_on="2019-09-01")
    assert (view["due_on"], view["due_rules"]) == ("2019-09-01", ["REQUESTED"])


async def test_a_campaign_s_policy_dates_its_problems_at_once(inspection: Inspection) -> None:
    policy = {
        "rules": [
            {
                "id": "S-EXIT",
                "match": {"cohort": ["EXITED", "EXIT_THIS_YEAR"]},
                "due": {"date": "2019-09-30"},
            },
            {
                "id": "S-SPECIAL",
                "match": {"cohort": "NON_ARCHIVED_SPECIAL"},
                "due": {"date": "2019-12-31"},
            },
        ],
        "late_days": 7,
    }
    campaign_id = await inspection.campaign(deadline_policy=policy)
    exited = await inspection.log(campaign_id=campaign_id)
    assert (exited["due_on"], exited["due_rules"]) == ("2019-09-30", ["S-EXIT"])
    special = await inspection.log(campaign_id=campaign_id, cohort="NON_ARCHIVED_SPECIAL")
    assert special["due_on"] == "2019-12-31"
    unmatched = await inspection.log(campaign_id=campaign_id, cohort="NOT_EXITED")
    assert unmatched["due_rules"] == ["UNMATCHED_DAYS"]
    inspection.now = "2019-10-05T10:00:00+08:00"
    late = await inspection.log(campaign_id=campaign_id, found_on="2019-10-01")
    assert (late["due_on"], late["flags"]["late_found"]) == ("2019-10-08", True)


async def test_a_region_s_policy_holds_without_a_campaign_from_its_day_on(
    inspection: Inspection,
) -> None:
    value = {"rules": [{"id": "COUNTY", "due": {"days": 10}}]}
    answer = await inspection.put(
        "/config/511132/deadline_policy", {"value": value, "effective_from": "2019-08-01"}
    )
    assert answer.status_code == 200, answer.text
    assert (await inspection.log())["due_rules"] == ["COUNTY"]
    before = await inspection.log(found_on="2019-07-31")
    assert before["due_rules"] == ["RELATIVE_GENERAL"]
    elsewhere = await inspection.post(
        "/problems",
        finding(village_code="430703001001", cohort="EXITED"),
        org="POV@430703",
    )
    assert elsewhere.json()["due_rules"] == ["RELATIVE_GENERAL"]


async def test_a_problem_belongs_to_a_campaign_of_its_region_that_is_not_closed(
    inspection: Inspection,
) -> None:
    elsewhere = await inspection.campaign(region_code="511132202")
    answer = await inspection.post("/problems", finding(campaign_id=elsewhere))
    assert (answer.status_code, answer.json()["code"]) == (422, "OUTSIDE_CAMPAIGN")
    closed = str(new_id())
    await inspection.fetch(
        "INSERT INTO campaigns (id, name, type, region_code, year, stages, state, created_by,"
        " created_at, version, event_sequence) VALUES ($1, 'C', 'LOOK_BACK', '511132', 2019, '[]',"
        " 'CLOSED', 't', now(), 1, 1)",
        closed,
    )
    answer = await inspection.post("/problems", finding(campaign_id=closed))
    assert (answer.status_code, answer.json()["code"]) == (409, "CAMPAIGN_CLOSED")


async def test_a_finding_outside_the_caller_s_region_is_not_logged(
    inspection: Inspection,
) -> None:
    for org in ("POV@511133", "VILLAGE@511132201206", "TOWN@511132202"):
        answer = await inspection.post("/problems", finding(), org=org)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert await inspection.count("problems") == 0


async def test_a_campaign_of_another_region_is_unknown_to_the_caller(
    inspection: Inspection,
) -> None:
    campaign_id = await inspection.campaign()
    answer = await inspection.post(
        "/problems",
        finding(campaign_id=campaign_id, village_code="430703001001"),
        org="POV@430703",
    )
    assert answer.json()["code"] == "CAMPAIGN_UNKNOWN"


@pytest.mark.parametrize("role", ["province_platform", "household", "finance", "county_gov"])
async def test_only_finders_log(inspection: Inspection, role: str) -> None:
    answer = await inspection.post("/problems", finding(), roles=(role,))
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


async def test_the_cohort_is_taken_from_the_register_when_the_finder_leaves_it_out(
    inspection: Inspection,
) -> None:
    await inspection.fetch(
        "INSERT INTO household_mirror VALUES ($1, '1', $2, 'EXIT_THIS_YEAR', true, 1)",
        HOUSEHOLD,
        VILLAGE,
    )
    view = await inspection.log(object=OBJECT, cohort=None)
    assert view["flags"]["object_unverified"] is False
    problem = await inspection.problem(view["id"])
    assert problem["cohort"] == "EXIT_THIS_YEAR"
    assert not problem["flags"]["object_unverified"]
    events = await inspection.app.events()
    assert not any(event.flags.object_unverified for event in events)  # type: ignore[attr-defined]
    unknown = await inspection.log(cohort=None)
    assert (await inspection.problem(unknown["id"]))["cohort"] == "NONE"
