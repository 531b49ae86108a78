"""A running households service with the country's regions, and the people who speak to it."""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.embedded.issuer import AUDIENCE, ISSUER, TokenIssuer
from deploy.embedded.postgres import EmbeddedPostgres
from services.households.main import SERVICE
from services.households.regions.commands import seed_regions
from services.households.settings import HouseholdsSettings
from shared.database import Database
from shared.migrate import migrate
from shared.synthetic import make_mobile, make_resident_id
from shared.testing import RunningApp, running_app
from shared.validators import Sex
from tests.conftest import ROLE, Start

VILLAGE = "511132201205"
NEIGHBOUR = "511132201206"
OTHER_COUNTY_VILLAGE = "620523100001"
NOW = "2019-09-16T10:00:00+08:00"
TODAY = date(2019, 9, 16)

_people = count()
_keys = count(1)


def resident_id(birth_date: date = date(1956, 3, 12), sex: Sex = Sex.MALE) -> str:
    """The id number of somebody who was never used in a test before."""
    number = next(_people)
    county = ("511132", "620523", "360734", "430726", "430771")[number // 50 % 5]
    year = birth_date.replace(day=1 + number // 250 % 28)
    return make_resident_id(county, year, sex, number % 50)


def member(**changes: Any) -> dict[str, Any]:
    """A head of a household as callers send one."""
    sex = Sex(changes.get("sex", "M"))
    born = changes.pop("born", date(1956, 3, 1))
    return {
        "name": "阿尔·木果",
        "sex": sex,
        "id_no": changes.get("id_no") or resident_id(born, sex),
        "relation": "HEAD",
        **changes,
    }


def household(*members: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A household as callers send one."""
    return {
        "village_code": VILLAGE,
        "group_name": "三组",
        "attribute": "GENERAL",
        "archive_status": "POOR",
        "causes": {"main": "ILLNESS", "others": ["LABOUR"]},
        "phone": make_mobile(1),
        "elder_left_in_old_house": False,
        "members": list(members) or [member()],
        **changes,
    }


class Households:
    """The service as a person of an organisation sees it, on 16 September 2019."""

    def __init__(self, app: RunningApp) -> None:
        self.app = app

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        org: str = "POV@511132",
        roles: tuple[str, ...] = ("poverty_office",),
        query: Mapping[str, str | int] | None = None,
        now: str | None = NOW,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request; POSTs carry an Idempotency-Key of their own."""
        sent = {**self.app.headers(org, *roles, person=f"{roles[0]}-1"), **(headers or {})}
        if now is not None:
            sent["X-Now"] = now
        if method == "POST":
            sent.setdefault("Idempotency-Key", f"key-{next(_keys)}")
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.app.client.request(
            method,
            f"/api/v1{path}",
            params=query,
            headers=sent,
            **(content if body is not None else {}),
        )

    async def register(self, *members: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A household just registered, as answered."""
        answer = await self.call("POST", "/households", household(*members, **changes))
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """What the database holds."""
        async with self.app.database.statement() as connection:
            return list(await connection.fetch(statement, *parameters))


def codes(answer: httpx.Response) -> dict[str, str]:
    """The field errors of a refusal: field → code."""
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


@pytest.fixture(scope="session")
async def seeded_template(postgres: EmbeddedPostgres, templates: dict[str, str]) -> str:
    """A migrated database that holds the national list already: starting is then quick."""
    name = "seeded_households"
    postgres.create_database(name, ROLE)
    database = Database(postgres.url(name, ROLE), service=SERVICE.name)
    await migrate(database, SERVICE.name)
    await database.open()
    await seed_regions(database)
    await database.close()
    templates[SERVICE.name] = name
    return name


@pytest.fixture
async def households(seeded_template: str, start: Start, field_key_file: Path) -> Households:
    """households on a database of its own."""
    return Households(await start(SERVICE, field_key_file=field_key_file))


@pytest.fixture(scope="module")
async def one_service(
    seeded_template: str, postgres: EmbeddedPostgres, issuer: TokenIssuer, field_key_file: Path
) -> AsyncIterator[Households]:
    """households for the tests of a module that leave nothing behind."""
    name = f"households_shared_{next(_keys)}"
    postgres.create_database(name, ROLE, template=seeded_template)
    settings = HouseholdsSettings(
        database_url=postgres.url(name, ROLE),
        jwks_file=issuer.jwks_file,
        token_issuer=ISSUER,
        token_audience=AUDIENCE,
        simulation_clock=True,
        database_pool_size=5,
        field_key_file=field_key_file,
    )
    async with running_app(SERVICE, settings, issuer.mint) as app:
        yield Households(app)
    postgres.drop_database(name)
