"""The service as a whole: seed, interface."""

from services.households.main import prepare
from tests.households.conftest import Households


async def test_the_country_is_there_once_however_often_the_service_starts(
    households: Households,
) -> None:
    (before,) = await households.rows("SELECT count(*) FROM regions")
    assert before["count"] > 40_000
    await prepare(households.app.runtime)
    (after,) = await households.rows("SELECT count(*) FROM regions")
    assert after == before


async def test_the_interface_describes_rows_that_are_checked_further_in(
    households: Households,
) -> None:
    document = (await households.app.client.get("/openapi.json")).json()
    paths = document["paths"]
    body = paths["/api/v1/households"]["post"]["requestBody"]["content"]["application/json"]
    schemas = document["components"]["schemas"]
    row = schemas["RegisterHouseholds"]["properties"]["rows"]["items"]
    row = schemas[row["$ref"].rsplit("/", 1)[-1]] if "$ref" in row else row
    for described in (body["schema"], row):
        assert set(described["required"]) == {
            "village_code",
            "archive_status",
            "phone",
            "members",
        }
        entry = described["properties"]["members"]["items"]
        assert entry == {"$ref": "#/components/schemas/MemberEntry"}
    looks = schemas["NineLooks"]["properties"]
    assert sorted(looks) == [str(look) for look in range(1, 10)]


async def test_it_is_ready(households: Households) -> None:
    assert (await households.app.client.get("/readyz")).status_code == 200
