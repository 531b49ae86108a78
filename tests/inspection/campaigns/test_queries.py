"""The terms of campaigns that logging remembers."""

from dataclasses import replace
from datetime import date

from services.inspection.campaigns.domain import CampaignState, CampaignTerms, CampaignType
from services.inspection.campaigns.queries import CampaignTermsCache
from shared.ids import new_id
from tests.inspection.conftest import Inspection

TERMS = CampaignTerms(
    new_id(), 2, CampaignType.LOOK_BACK, "511132", CampaignState.SELF_CHECK, None, None
)


def test_what_was_read_before_a_move_does_not_replace_what_the_move_made() -> None:
    cache = CampaignTermsCache()
    cache.remember(TERMS)
    closed = replace(TERMS, version=3, state=CampaignState.CLOSED)
    cache.remember(closed)
    cache.remember(TERMS)
    assert cache.get(TERMS.id) == closed
    assert closed.closed
    assert not TERMS.closed


async def test_terms_say_type_state_and_the_end_of_the_amnesty(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign(type="LOOK_BACK", self_check_until="2019-03-31")
    cache = CampaignTermsCache()
    async with inspection.runtime.database.statement() as connection:
        ids = [row["id"] for row in await connection.fetch("SELECT id FROM campaigns")]
        (terms,) = (await cache.find(connection, ids)).values()
    assert str(terms.id) == campaign_id
    assert (terms.version, terms.type, terms.state) == (1, "LOOK_BACK", "DRAFT")
    assert (terms.region_code, terms.self_check_until) == ("511132", date(2019, 3, 31))
