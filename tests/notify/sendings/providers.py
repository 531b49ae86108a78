"""Servers that behave like the services through which people are reached, and who asks them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import text

from services.notify.contacts.tables import Sending
from shared.ids import new_id
from tests.notify.conftest import LEAD, Notify, Story

KEY = "633a31f6-7f9c-4bc4-97a0-0ec1eefa5898"
SECRET = "SEC1f2e3d4c5b6a79880"
WECOM = {"channel": "WECOM", "key": KEY}
MOBILE = "19900000001"
SMS = {"channel": "SMS", "mobile": MOBILE}
MAIL = {"channel": "EMAIL", "address": "houjian@example.com"}
DRY = {"channel": "DRY_RUN"}
# A workday in 2026, and its hours.
MORNING = "2026-03-04T09:00:00+08:00"
NIGHT = "2026-03-04T22:30:00+08:00"
NEXT_MORNING = "2026-03-05T08:00:00+08:00"


def at(minute: int, second: int = 0) -> str:
    """A time after nine in the morning."""
    moment = datetime.fromisoformat(MORNING) + timedelta(minutes=minute, seconds=second)
    return moment.isoformat()


@dataclass
class Asked:
    """A request a provider got."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Provider:
    """An HTTP server; `respond` decides its answers, `asked` are the requests so far."""

    respond: Callable[[Asked], Answer]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The texts it took, of whatever kind of robot."""
        return [_text_of(one) for one in self.asked]


def _text_of(asked: Asked) -> str:
    """The text of a robot's request."""
    body = asked.json
    said: str = body["text"]["content"] if "text" in body else body["content"]["text"]
    return said


@contextmanager
def serving(respond: Callable[[Asked], Answer]) -> Iterator[Provider]:
    """A provider on a free port."""
    provider = Provider(respond)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            asked = Asked(parts.path, query, dict(self.headers.items()), body, time.monotonic())
            provider.asked.append(asked)
            status, headers, answer = provider.respond(asked)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as inherited
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answered(body: Any, status: int = 200, **headers: str) -> Answer:
    """An answer of JSON."""
    return status, headers, json.dumps(body, ensure_ascii=False).encode()


def wecom(asked: Asked) -> Answer:
    """WeCom's robots: the key is known, the text of the right form and not too long."""
    body = asked.json
    if asked.path != "/cgi-bin/webhook/send" or asked.query.get("key") != KEY:
        return answered({"errcode": 93000, "errmsg": "invalid webhook url"})
    if len(body["text"]["content"].encode()) > 2048:
        return answered({"errcode": 40058, "errmsg": "content exceed max length"})
    assert body["msgtype"] == "text"
    return answered({"errcode": 0, "errmsg": "ok"})


def dingtalk(asked: Asked) -> Answer:
    """DingTalk's robots: the signature is right and fresh, the request not too long."""
    stamp = asked.query.get("timestamp", "0")
    digest = hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256).digest()
    fresh = abs(time.time() * 1000 - int(stamp)) < 3_600_000
    if not fresh or asked.query.get("sign") != base64.b64encode(digest).decode():
        return answered({"errcode": 310000, "errmsg": "sign not match"})
    if asked.path != "/robot/send" or asked.query["access_token"] != KEY:
        return answered({"errcode": 300005, "errmsg": "token is not exist"})
    assert asked.json["msgtype"] == "text"
    assert len(asked.body) <= 20_000
    return answered({"errcode": 0, "errmsg": "ok"})


def feishu(asked: Asked) -> Answer:
    """Feishu's robots: signed by another scheme, in the body, in seconds."""
    body = asked.json
    stamp = body.get("timestamp", "0")
    digest = hmac.new(f"{stamp}\n{SECRET}".encode(), b"", hashlib.sha256).digest()
    fresh = abs(time.time() - int(stamp)) < 3600
    if not fresh or body.get("sign") != base64.b64encode(digest).decode():
        return answered({"code": 19021, "msg": "sign match fail or timestamp is not within one"})
    assert asked.path == f"/open-apis/bot/v2/hook/{KEY}"
    assert body["msg_type"] == "text"
    assert len(asked.body) <= 20 * 1024
    return answered({"code": 0, "msg": "success", "data": {}})


def falling_silent(asked: Asked) -> Answer:
    """A provider that never answers in time."""
    time.sleep(3)
    return answered({"errcode": 0})


@dataclass(frozen=True)
class People:
    """The contact book and what goes out, as offices and operators see it."""

    notify: Notify

    def headers(
        self, org: str = LEAD, role: str = "dept_head", now: str | None = None
    ) -> dict[str, str]:
        """The headers of a call."""
        return self.notify.app.headers(org, role) | ({"X-Now": now} if now else {})

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int = 200,
        org: str = LEAD,
        role: str = "dept_head",
        now: str | None = None,
        **params: Any,
    ) -> Any:
        """The JSON answer to a call that is to end with `status`."""
        answer = await self.notify.app.client.request(
            method,
            f"/api/v1{path}",
            json=body,
            params=params or None,
            headers=self.headers(org, role, now),
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def add(self, address: dict[str, str], org: str = LEAD, **facts: Any) -> dict[str, Any]:
        """A new contact, entered by an operator."""
        added: dict[str, Any] = await self.call(
            "POST",
            "/contacts",
            {"org": org, "label": "整改工作群", "address": address, **facts},
            status=201,
            org="OPS@51",
            role="ops",
        )
        return added

    async def tell(self, at: str, **facts: Any) -> Story:
        """A problem is dispatched to the lead department, in simulated time."""
        story = Story(**facts)
        await self.notify.hear(story.tell(at=at, simulated=True))
        return story

    async def run(self, as_of: str, job: str = "sendings") -> dict[str, int]:
        """The figures of a job run for an instant."""
        answer = await self.notify.ops("POST", "/run", {"job": job, "as_of": as_of})
        assert answer.status_code == 200, answer.text
        figures: dict[str, int] = answer.json()["figures"]
        return figures

    async def sendings(self, **params: Any) -> list[dict[str, Any]]:
        """Everything that goes out, as an operator sees it."""
        answer = await self.call("GET", "/sendings", org="OPS@51", role="ops", **params)
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def states(self) -> list[tuple[str, str | None]]:
        """State and reason of everything that goes out."""
        return [(one["state"], one["reason"]) for one in await self.sendings()]

    async def everything_stored(self) -> str:
        """All rows of all tables as text."""
        async with self.notify.app.database.reading() as session:
            names = await session.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            )
            dumps = [
                await session.scalar(text(f"SELECT string_agg(t::text, ' ') FROM {name} t")) or ""
                for name in names.all()
                if name != "regions"
            ]
        return " ".join(dumps)

    async def say(self, contact: dict[str, Any], at: str, *texts: str, priority: int = 5) -> None:
        """Sendings without messages, of one contact."""
        instant = datetime.fromisoformat(at)
        async with self.notify.app.database.transaction() as session:
            session.add_all(
                Sending(
                    sending_id=new_id(),
                    contact_id=contact["id"],
                    content={"template": "NEWS", "title": f"第{number}条", "text": said},
                    priority=priority,
                    simulated=True,
                    created_at=instant + timedelta(microseconds=number),
                    next_at=instant,
                )
                for number, said in enumerate(texts, 1)
            )


Opened = Callable[..., Awaitable[People]]
