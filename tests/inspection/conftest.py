"""A running inspection service, and the callers who speak to it on 16 September 2019."""

from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import Any

import httpx
import pytest

from deploy.embedded.postgres import EmbeddedPostgres
from services.inspection.main import SERVICE
from services.inspection.mirror.commands import seed_region_mirror
from shared.database import Database
from shared.ids import new_id
from shared.migrate import migrate
from shared.runtime import Runtime
from shared.testing import RunningApp
from tests.conftest import ROLE, Start

NOW = "2019-09-16T10:00:00+08:00"
VILLAGE = "511132201205"
SHA256 = "0" * 64
PHOTO = {"ref": "photos/1.jpg", "sha256": SHA256, "phase": "BEFORE"}

PHOTO_AFTER = {"ref": "photos/2.jpg", "sha256": "1" * 64, "phase": "AFTER"}
PLAN = {
    "target": "消除东墙裂缝，住房安全鉴定达到B级",
    "responsible_person": "张局长",
    "measures": [
        {"text": "钢筋网加固东墙", "object": "东墙", "quantity": "12平方米", "due": "2019-09-18"}
    ],
    "progress_steps": [{"text": "完成加固", "on": "2019-09-18"}],
    "deadline": "2019-09-19",
}
# Who verifies at each level (I-40).
VERIFIERS: dict[int, dict[str, Any]] = {
    1: {"org": "HOUS@511132", "roles": ("dept_head",), "person": "赵局长"},
    2: {"org": "TOWN@511132201", "roles": ("township_reviewer",), "person": "钱乡长"},
    3: {"org": "POV@511132", "roles": ("poverty_office",), "person": "孙主任"},
    4: {"org": "LG@511132", "roles": ("leading_group",), "person": "周组长"},
}

_keys = count(1)


def finding(**changes: Any) -> dict[str, Any]:
    """The body of a finding about a household of its own; None leaves a field out."""
    body = {
        "source": "COUNTY_INSPECTION",
        "found_on": "2019-08-20",
        "kind": "HOUSING_UNSAFE",
        "tier": "GENERAL",
        "scope": "INDIVIDUAL",
        "severity": "PROMINENT",
        "cohort": "EXITED",
        "object": {"type": "HOUSEHOLD", "id": str(new_id())},
        "village_code": VILLAGE,
        "description": "东墙开裂，宽约两厘米",
        "evidence": [PHOTO],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


class Inspection:
    """The service as people of organisations see it; the clock stands at `NOW` unless moved."""

    def __init__(self, app: RunningApp) -> None:
        self.app = app
        self.now = NOW

    @property
    def runtime(self) -> Runtime:
        """The runtime behind the application."""
        return self.app.runtime

    def _headers(
        self, org: str, roles: tuple[str, ...], key: str | None, person: str = "tester"
    ) -> dict[str, str]:
        headers = {**self.app.headers(org, *roles, person=person), "X-Now": self.now}
        return headers if key is None else {**headers, "Idempotency-Key": key}

    async def post(
        self,
        path: str,
        body: Any = None,
        *,
        org: str = "POV@511132",
        roles: tuple[str, ...] = ("poverty_office",),
        key: str | None = None,
        person: str = "tester",
    ) -> httpx.Response:
        """POST as somebody."""
        return await self.app.client.post(
            f"/api/v1{path}", json=body, headers=self._headers(org, roles, key, person)
        )

    async def put(
        self,
        path: str,
        body: Any,
        *,
        org: str = "POV@511132",
        roles: tuple[str, ...] = ("poverty_office",),
        person: str = "tester",
    ) -> httpx.Response:
        """PUT as somebody."""
        return await self.app.client.put(
            f"/api/v1{path}", json=body, headers=self._headers(org, roles, None, person)
        )

    async def get(
        self,
        path: str,
        query: Mapping[str, str | int] | None = None,
        *,
        org: str = "POV@511132",
        roles: tuple[str, ...] = ("poverty_office",),
    ) -> httpx.Response:
        """GET as somebody."""
        return await self.app.client.get(
            f"/api/v1{path}", params=query, headers=self._headers(org, roles, None)
        )

    async def log(self, **changes: Any) -> dict[str, Any]:
        """Log a finding, which must succeed; the answer."""
        answer = await self.post("/problems", finding(**changes), key=f"key-{next(_keys)}")
        assert answer.status_code in (200, 201), answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def campaign(self, **changes: Any) -> str:
        """The id of a new campaign."""
        body = {
            "name": "DPC-2019",
            "type": "INSPECTION_FEEDBACK",
            "region_code": "511132",
            "year": 2019,
            **changes,
        }
        answer = await self.post("/campaigns", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def move(self, problem_id: str, action: str, body: Any = None, **who: Any) -> Any:
        """A move of a problem, which must succeed; the problem after it."""
        answer = await self.post(f"/problems/{problem_id}/{action}", body, **who)
        assert answer.status_code == 200, f"{action}: {answer.text}"
        return answer.json()

    async def plan(self, problem_id: str, lead: str = "HOUS") -> None:
        """Accept and plan a problem as its lead department."""
        who = {"org": f"{lead}@511132", "roles": ("dept_handler",)}
        await self.move(problem_id, "accept", **who)
        await self.move(problem_id, "plan", PLAN, **who)

    async def submit(self, problem_id: str, lead: str = "HOUS") -> None:
        """Take a dispatched problem to SUBMITTED as its lead department."""
        await self.plan(problem_id, lead)
        await self.rectify(problem_id, lead)

    async def rectify(self, problem_id: str, lead: str = "HOUS", *, again: bool = False) -> None:
        """Take a planned problem (`again`: a returned one) to SUBMITTED as its lead department."""
        who = {"org": f"{lead}@511132", "roles": ("dept_handler",)}
        if not again:
            await self.move(problem_id, "start", **who)
        check = {"by": "李检查", "on": self.now[:10], "text": "现场查看，墙体已加固"}
        await self.move(problem_id, "own-check", check, **who)
        done = {"done_text": "东墙已加固，裂缝已修补", "evidence": [PHOTO, PHOTO_AFTER]}
        await self.move(problem_id, "submit", done, **who)

    async def verify(self, problem_id: str, level: int, **changes: Any) -> Any:
        """Pass (or `changes`) a level by its own body and person; the problem after it."""
        body = {"level": level, "result": "PASS", **changes}
        return await self.move(problem_id, "verify", body, **VERIFIERS[level])

    async def close(self, problem_id: str) -> None:
        """Take a housing problem that was just dispatched through everything to CLOSED."""
        await self.submit(problem_id)
        for level in VERIFIERS:
            await self.verify(problem_id, level)

    async def fired(self, job: str, at: datetime) -> int:
        """Run a job for an instant; how many timers fired."""
        answer = await self.post(
            "/ops/run",
            {"job": job, "as_of": at.isoformat()},
            org="OPS@511132",
            roles=("ops",),
        )
        assert answer.status_code == 200, answer.text
        return int(answer.json()["figures"]["fired"])

    async def problem(self, problem_id: str) -> dict[str, Any]:
        """A problem as the poverty office sees it."""
        answer = await self.get(f"/problems/{problem_id}")
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def fetch(self, statement: str, *parameters: Any) -> list[Any]:
        """Rows of the service's database."""
        async with self.runtime.database.statement() as connection:
            return list(await connection.fetch(statement, *parameters))

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        return int((await self.fetch(f"SELECT count(*) AS n FROM {table}"))[0]["n"])

    async def happened(self, problem_id: str | None = None) -> list[str]:
        """What the events of a problem (of all) say happened, in order."""
        rows = await self.fetch(
            "SELECT event_type FROM outbox WHERE $1::text IS NULL OR aggregate_id = $1 ORDER BY id",
            problem_id,
        )
        return [row["event_type"].split(".")[2] for row in rows]


@pytest.fixture(scope="session")
async def seeded_template(postgres: EmbeddedPostgres, templates: dict[str, str]) -> None:
    """A template whose regions are there already, so that each test starts at once."""
    name = "seeded_inspection"
    postgres.create_database(name, ROLE)
    database = Database(postgres.url(name, ROLE), service="inspection")
    await migrate(database, "inspection")
    async with database.transaction() as session:
        await seed_region_mirror(session)
    await database.close()
    templates["inspection"] = name


@pytest.fixture
async def inspection(seeded_template: None, start: Start) -> Inspection:
    """A running inspection with the regions of the national list."""
    return Inspection(await start(SERVICE))
