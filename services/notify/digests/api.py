"""GET /digests: what one's own organisation was told of each period."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.notify.digests import queries
from services.notify.digests.domain import Kind
from services.notify.digests.queries import DIGEST_HOUR, DIGEST_WATCHERS, DIGEST_WEEKDAY
from services.notify.digests.tables import Digest
from services.notify.roles import WORKERS
from shared.errors import NotFound
from shared.events.notify import DigestFigures
from shared.security import Actor
from shared.web.dependencies import QuerySession, allows
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

SETTINGS = (DIGEST_WEEKDAY, DIGEST_HOUR, DIGEST_WATCHERS)

router = APIRouter(prefix="/digests", tags=["digests"])

Reader = Annotated[Actor, allows(*WORKERS)]


class DigestView(BaseModel):
    """An organisation's digest of a period; `departments` for who watches others."""

    id: UUID
    kind: Kind
    period: str = Field(description="期次：发出所在周", examples=["2086-W10"])
    title: str
    text: str
    figures: DigestFigures
    departments: dict[str, DigestFigures] = Field(description="分部门数据，按牵头单位")
    issued_at: datetime

    @classmethod
    def of(cls, digest: Digest) -> Self:
        """The view of a row."""
        return cls(
            **digest.model_dump(include={"kind", "period", "title", "text", "issued_at"}),
            id=digest.digest_id,
            **digest.figures,
        )


@router.get("")
async def list_digests(session: QuerySession, actor: Reader, page: PageQuery) -> Page[DigestView]:
    """The digests of one's own organisation, the newest first (N-06)."""
    digests = await queries.list_digests(session, actor.organisation, page)
    return page.page(digests, DigestView.of, lambda digest: (digest.issued_at, digest.digest_id))


@router.get("/{digest_id}", responses=refusals(NotFound))
async def get_digest(digest_id: UUID, session: QuerySession, actor: Reader) -> DigestView:
    """A digest of one's own organisation."""
    return DigestView.of(await queries.get_digest(session, actor.organisation, digest_id))
