"""POST /evidence, its metadata, and time-limited links to the content."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from services.inspection.evidence.commands import keep_evidence, make_link
from services.inspection.evidence.desk import evidence_desk_of
from services.inspection.evidence.domain import (
    EvidenceIncomplete,
    EvidenceInfected,
    EvidenceOff,
    EvidenceScannerDown,
    EvidenceTooLarge,
    EvidenceTypeRefused,
    FileType,
    LinkInvalid,
    Scan,
    attachment,
    check_type,
    display_name,
)
from services.inspection.evidence.links import LinkMark
from services.inspection.evidence.queries import find_evidence, get_evidence
from services.inspection.evidence.tables import EvidenceFile
from services.inspection.evidence.uploads import Received, received
from services.inspection.roles import Reader
from shared import clock
from shared.configuration import Setting
from shared.errors import Invalid, NotFound
from shared.objects import ObjectStoreUnavailable
from shared.web.dependencies import LinkScope, QuerySession, RunningService, WriteSession
from shared.web.fields import RegionCode
from shared.web.middleware import count_body_in_route
from shared.web.problem_details import refusals

router = APIRouter(prefix="/evidence", tags=["evidence"])

MAX_BYTES: Setting[int] = Setting(
    "evidence_max_bytes",
    20 * 1024 * 1024,
    Annotated[int, Field(ge=1, le=200 * 1024 * 1024)],
    rule="I-01",
)
TYPES: Setting[tuple[FileType, ...]] = Setting(
    "evidence_types", tuple(FileType), tuple[FileType, ...], rule="I-01"
)
LINK_MINUTES: Setting[int] = Setting(
    "evidence_link_minutes", 10, Annotated[int, Field(ge=1, le=24 * 60)], rule="I-01"
)
SETTINGS = (MAX_BYTES, TYPES, LINK_MINUTES)

_CONTENT = {"schema": {"type": "string", "format": "binary"}}


class EvidenceView(BaseModel):
    """An evidence file; `ref` and `sha256` are what `evidence[]` of other calls takes."""

    ref: UUID
    sha256: str
    size: int = Field(description="字节数")
    content_type: FileType
    file_name: str = Field(description="仅供显示")
    village_code: str
    scan: Scan
    created_at: datetime

    @classmethod
    def of(cls, file: EvidenceFile) -> "EvidenceView":
        """The view of a row."""
        return cls.model_validate({**file.model_dump(), "ref": file.id})


class LinkView(BaseModel):
    """A link to the content, relative to the service; whoever holds it may fetch the file."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """What was sent: for which place, of which type, under which name to be shown."""

    received: Received
    village_code: str
    type: FileType
    name: str


async def upload_by_content(
    request: Request,
    runtime: RunningService,
    actor: Reader,
    village_code: Annotated[RegionCode, Query(description="佐证所涉及的村（乡、县）")],
    file_name: Annotated[str, Query(min_length=1, max_length=255, examples=["东墙.jpg"])],
) -> AsyncIterator[Upload]:
    """The request's body as a whole file. Its content is its idempotency key."""
    actor.must_cover(village_code)
    evidence_desk_of(runtime)
    today = clock.today()
    limit = runtime.configuration.value(MAX_BYTES, village_code, today)
    allowed = runtime.configuration.value(TYPES, village_code, today)
    if int(request.headers.get("content-length") or 0) > limit:
        raise EvidenceTooLarge(limit_bytes=limit)
    count_body_in_route(request)
    async with received(_chunks(request), limit) as whole:
        type_ = check_type(whole.type, request.headers.get("content-type"), allowed)
        yield Upload(whole, village_code, type_, display_name(file_name, type_))


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise EvidenceIncomplete from None


@router.post(
    "",
    status_code=201,
    responses=refusals(
        Invalid,
        NotFound,
        EvidenceIncomplete,
        EvidenceTooLarge,
        EvidenceTypeRefused,
        EvidenceInfected,
        EvidenceScannerDown,
        EvidenceOff,
        ObjectStoreUnavailable,
    ),
    openapi_extra={
        "requestBody": {"required": True, "content": {str(one): _CONTENT for one in FileType}}
    },
)
async def post_evidence(
    response: Response,
    session: WriteSession,
    runtime: RunningService,
    actor: Reader,
    upload: Annotated[Upload, Depends(upload_by_content, scope="function")],
) -> EvidenceView:
    """Upload one file as the request's body (I-01). The same content from the same organisation for
    the same place answers the same record, with `Idempotency-Replayed: true`."""
    file, created = await keep_evidence(
        session,
        evidence_desk_of(runtime),
        actor,
        upload.received,
        content_type=upload.type,
        file_name=upload.name,
        village_code=upload.village_code,
    )
    if not created:
        response.headers["Idempotency-Replayed"] = "true"
    return EvidenceView.of(file)


@router.get("/{ref}", responses=refusals(NotFound, Invalid))
async def get_evidence_by_ref(ref: UUID, session: QuerySession, actor: Reader) -> EvidenceView:
    """What is known of one file."""
    return EvidenceView.of(await get_evidence(session, actor, ref))


@router.post("/{ref}/link", responses=refusals(NotFound, Invalid, EvidenceOff))
async def link_evidence(
    ref: UUID, request: Request, session: WriteSession, runtime: RunningService, actor: Reader
) -> LinkView:
    """A link to the content for ten minutes ⚙; asking for one is audited."""
    desk = evidence_desk_of(runtime)
    file = await get_evidence(session, actor, ref)
    minutes = runtime.configuration.value(LINK_MINUTES, file.village_code, clock.today())
    mark = await make_link(session, desk, actor, file, minutes)
    path = request.app.url_path_for(get_evidence_content.__name__, ref=str(ref))
    return LinkView(
        url=f"{path}?expires={mark.expires}&signature={mark.signature}",
        expires_at=datetime.fromtimestamp(int(mark.expires), UTC),
    )


class EvidenceLink(LinkScope):
    """The scope of the content: the signature of a link that `link_evidence` has made."""

    async def __call__(
        self,
        ref: str,
        runtime: RunningService,
        expires: Annotated[str, Query()] = "",
        signature: Annotated[str, Query()] = "",
    ) -> UUID:
        """The file the link is for; raises `LinkInvalid`."""
        desk = evidence_desk_of(runtime)
        return desk.links.check(ref, LinkMark(expires, signature), clock.now())


@router.get(
    "/{ref}/content",
    response_class=StreamingResponse,
    responses={
        200: {"content": {str(one): _CONTENT for one in FileType}},
        **refusals(LinkInvalid, EvidenceOff, ObjectStoreUnavailable),
    },
)
async def get_evidence_content(
    file_id: Annotated[UUID, Depends(EvidenceLink())],
    session: QuerySession,
    runtime: RunningService,
) -> StreamingResponse:
    """The content, to be saved: the signature of the link is the permission."""
    file = await find_evidence(session, file_id)
    return StreamingResponse(
        await evidence_desk_of(runtime).objects.get(file.sha256),
        media_type=file.content_type,
        headers={
            "Content-Length": str(file.size),
            "Content-Disposition": attachment(file.file_name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
        },
    )
