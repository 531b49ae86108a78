"""Configured values: none may be set by which a later call, or a timer, would fail."""

import json
from typing import Any

import pytest

from tests.inspection.conftest import NOW, Inspection

REFUSED: list[tuple[str, list[Any]]] = [
    ("late_days", [-1, 3651, 10**9]),
    ("unmatched_days", [-1, 3651, 10**9]),
    ("suspected_confirm_workdays", [-1, 3651, 10**9]),
    ("dispute_workdays", [-1, 3651, 10**9]),
    ("escalation_days", [[0, 7, 15], [1, 7, 366], [1, 15, 7], [7, 7, 15], [1, 7]]),
    ("systemic_villages", [0, 10**9]),
    ("look_back_since_year", [1999, 2100, 10**12]),
    ("leader_surveys_per_year", [{"county": -1}, {"city": 367}, {"village": 1}]),
    (
        "sample_minimum_county",
        [{"households": -1, "villages": 1}, {"households": 200, "villages": 10**9}],
    ),
    ("sample_minimum_admin_zone", [{"households": 100, "villages": -1}, [100, 5]]),
    ("spot_check_share_pct", [0, -1, 101, "1e400", "10.005"]),
    ("rhythm_departments", [["\ud800"], ["住建"], [""]]),
    ("assessment_key_indicators", [["\ud800"], ["指标"], [""]]),
    ("deadline_policy", [{"rules": [{"id": "\ud800", "due": {"days": 1}}]}]),
]


@pytest.mark.parametrize(("key", "values"), REFUSED)
async def test_a_value_by_which_nothing_could_be_worked_out_is_refused(
    inspection: Inspection, key: str, values: list[Any]
) -> None:
    headers = {**inspection.app.headers("POV@511132", "poverty_office"), "X-Now": NOW}
    for value in values:
        answer = await inspection.app.client.put(
            f"/api/v1/config/511132/{key}",
            # Escapes half a surrogate pair, as a caller may.
            content=json.dumps({"value": value, "effective_from": "2019-01-01"}),
            headers={**headers, "Content-Type": "application/json"},
        )
        assert answer.status_code == 422, (value, answer.text)
    assert await inspection.count("configuration") == 0
    await inspection.log()
