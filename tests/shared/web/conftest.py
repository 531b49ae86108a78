"""A small service of one route group, to test what every service has in common."""

import json
from typing import Annotated

import pytest
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from shared import clock
from shared.app import Service
from shared.configuration import Setting
from shared.errors import Conflict
from shared.security import Actor, Role
from shared.settings import ServiceSettings
from shared.testing import RunningApp
from shared.web.dependencies import AnyActor, QuerySession, WriteSession, allows
from shared.web.fields import ResidentId
from shared.web.idempotency import OnceOnly, OnceOnlyForMoney
from tests.conftest import Start

router = APIRouter()


class Note(BaseModel):
    """What is written down."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=20)
    id_no: ResidentId | None = None


class NoteView(BaseModel):
    """What was written down, and how many there are now."""

    text: str
    count: int


class NotesClosed(Conflict):
    """No more notes."""

    code = "NOTES_CLOSED"
    zh = "不再接受记录。"
    en = "No more notes."


async def _write(session: WriteSession, note: Note) -> NoteView:
    await session.execute(
        text("INSERT INTO relay_lease (name) VALUES (:name)"), {"name": f"{note.text}"}
    )
    count = await session.scalar(text("SELECT count(*) FROM relay_lease"))
    return NoteView(text=note.text, count=count or 0)


@router.post("/notes", status_code=201)
async def write_note(
    body: Note,
    session: WriteSession,
    once: OnceOnly,
    actor: Annotated[Actor, allows(Role.INSPECTOR)],
) -> NoteView:
    """Write a note down."""
    view = await _write(session, body)
    if body.text == "refused":
        raise NotesClosed
    return await once.keep(view)


@router.post("/payments", status_code=201)
async def pay(
    body: Note,
    session: WriteSession,
    once: OnceOnlyForMoney,
    actor: Annotated[Actor, allows(Role.FINANCE)],
) -> NoteView:
    """Move money."""
    return await once.keep(await _write(session, body))


@router.post("/letters", status_code=204)
async def write_letter(letter: dict[str, str], session: WriteSession, actor: AnyActor) -> None:
    """Have the database read a letter."""
    await session.execute(text("SELECT CAST(:letter AS jsonb)"), {"letter": json.dumps(letter)})


@router.post("/drafts", status_code=204)
async def draft(actor: AnyActor) -> None:
    """Keep a draft."""


@router.get("/drafts")
async def read_drafts(actor: AnyActor, limit: int = 50) -> list[NoteView]:
    """No draft, however many are asked for."""
    return [][:limit]


@router.get("/now")
async def read_now(session: QuerySession, actor: AnyActor) -> dict[str, str]:
    """The present instant."""
    return {"now": clock.now().isoformat(), "person": actor.person}


@router.get("/fault")
async def fail(actor: AnyActor) -> None:
    """Fail with a secret in the message."""
    raise RuntimeError("511132195603120010 in SELECT * FROM members")


@router.post("/late-failure", status_code=201)
async def fail_at_commit(session: WriteSession, once: OnceOnly, actor: AnyActor) -> NoteView:
    """Violate a deferred constraint, which only the commit notices."""
    await session.execute(
        text(
            "CREATE TABLE deferred (id int PRIMARY KEY,"
            " other int REFERENCES deferred DEFERRABLE INITIALLY DEFERRED)"
        )
    )
    await session.execute(text("INSERT INTO deferred VALUES (1, 2)"))
    return await once.keep(NoteView(text="late", count=0))


DAYS: Setting[int] = Setting("reply_days", 30, int, rule="I-23")

TOY = Service(
    name="households",
    title="A toy",
    settings=ServiceSettings,
    routers=[router],
    configuration=[DAYS],
)


@pytest.fixture
async def toy(start: Start) -> RunningApp:
    """The toy service, running."""
    return await start(TOY)
