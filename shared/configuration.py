"""Configured values (the rules' ⚙ marks): data by region and date, with defaults.

A value is looked up at the nearest region that has one in force on the day asked for: village,
township, county, city, province, then the declared default. Results that used a value store it.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Generic, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text

from shared import clock
from shared.audit import record_audit
from shared.database import Database, ReadSession, Session
from shared.errors import FieldError, Invalid, NotFound
from shared.regions import ancestors
from shared.security import Actor

_log = structlog.get_logger(__name__)

CONFIGURATION_DDL = """
CREATE TABLE configuration (
  region         text COLLATE "C" NOT NULL,
  key            text NOT NULL,
  effective_from date NOT NULL,
  value          jsonb NOT NULL,
  set_by         text NOT NULL,
  set_at         timestamptz NOT NULL,
  PRIMARY KEY (key, region, effective_from)
)
"""

ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class Setting(Generic[ValueT]):
    """A declared configurable value: its key, type, default, and the rule it belongs to.

    `check` raises `Invalid` for a value of the right type that is not to be stored; what is stored
    already is not checked again.
    """

    key: str
    default: ValueT
    type_: Any = field(repr=False)
    rule: str = ""
    check: Callable[[ValueT], None] | None = field(default=None, repr=False, compare=False)

    def parse(self, raw: Any) -> ValueT:
        """`raw` (JSON) as the declared type; raises `Invalid` with code `VALUE_INVALID`."""
        try:
            value: ValueT = TypeAdapter(self.type_).validate_python(raw)
        except ValidationError:
            raise Invalid(
                errors=[
                    FieldError(
                        "value",
                        "VALUE_INVALID",
                        "取值的类型或范围不符。",
                        "The value has a wrong type or lies outside its range.",
                    )
                ]
            ) from None
        return value


class UnknownSetting(NotFound):
    """This service has no such configurable value."""

    code = "CONFIG_KEY_UNKNOWN"
    zh = "本服务没有此配置项。"
    en = "This service has no such configuration key."


class Configuration:
    """A service's configured values, held in memory: a change made here holds from its commit on,
    one made by a sister process within `REFRESH_SECONDS`."""

    REFRESH_SECONDS = 5.0

    def __init__(self, settings: Iterable[Setting[Any]]) -> None:
        self._settings = {setting.key: setting for setting in settings}
        self._rows: dict[tuple[str, str], list[tuple[date, Any]]] = {}
        self._left_out: set[tuple[str, str]] = set()

    async def load(self, database: Database) -> None:
        """Read every stored value, but those that their settings no longer take."""
        async with database.reading() as session:
            rows = await session.execute(
                text("SELECT key, region, effective_from, value FROM configuration ORDER BY 3")
            )
            loaded: dict[tuple[str, str], list[tuple[date, Any]]] = {}
            for key, region, effective_from, value in rows:
                setting = self._settings.get(key)
                if setting is None:
                    continue
                try:
                    parsed = setting.parse(value)
                except Invalid:  # of an earlier release: the others are in force all the same
                    if (key, region) not in self._left_out:
                        self._left_out.add((key, region))
                        _log.warning("configured_value_left_out", key=key, region=region)
                else:
                    loaded.setdefault((key, region), []).append((effective_from, parsed))
        self._rows = loaded

    def value(self, setting: Setting[ValueT], region: str, on: date) -> ValueT:
        """The value of `setting` in force for `region` on `on` (X-06)."""
        if self._rows:
            for code in (region, *ancestors(region)):
                in_force = [
                    v for since, v in self._rows.get((setting.key, code), ()) if since <= on
                ]
                if in_force:
                    found: ValueT = in_force[-1]
                    return found
        return setting.default

    async def store(
        self,
        session: Session,
        actor: Actor,
        *,
        region: str,
        key: str,
        value: Any,
        effective_from: date,
    ) -> Any:
        """Set a value from a date on; the change is audited. Returns the parsed value.

        Raises `UnknownSetting`, or `Invalid` for a value of the wrong type or one that its
        setting's `check` refuses.
        """
        setting = self._settings.get(key)
        if setting is None:
            raise UnknownSetting
        actor.must_cover(region)
        parsed = setting.parse(value)
        if setting.check is not None:
            setting.check(parsed)
        await session.execute(
            text(
                """
                INSERT INTO configuration (region, key, effective_from, value, set_by, set_at)
                VALUES (:region, :key, :effective_from, CAST(:value AS jsonb), :set_by, :set_at)
                ON CONFLICT (key, region, effective_from)
                DO UPDATE SET value = EXCLUDED.value, set_by = EXCLUDED.set_by,
                              set_at = EXCLUDED.set_at
                """
            ),
            {
                "region": region,
                "key": key,
                "effective_from": effective_from,
                "value": json.dumps(value, ensure_ascii=False),
                "set_by": actor.person,
                "set_at": clock.now(),
            },
        )
        await record_audit(
            session,
            actor,
            "SET",
            "configuration",
            f"{region}/{key}",
            change={"value": value, "effective_from": effective_from},
        )
        session.after_commit(lambda: self._remember(key, region, effective_from, parsed))
        return parsed

    def _remember(self, key: str, region: str, effective_from: date, parsed: Any) -> None:
        rows = dict(self._rows.get((key, region), ()))
        rows[effective_from] = parsed
        self._rows[key, region] = sorted(rows.items(), key=lambda row: row[0])


def configuration_of(session: ReadSession) -> Configuration:
    """The configured values of the service whose session it is, in a request, reaction or timer."""
    configuration: Configuration = session.info["configuration"]
    return configuration
