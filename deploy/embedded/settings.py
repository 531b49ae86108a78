"""The stack's variables and what follows from them: ports, URLs, each service's environment."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from deploy.embedded import issuer
from deploy.embedded.home import keep_secret
from deploy.embedded.processes import StackError

ROOT = Path(__file__).resolve().parents[2]
# In the order their ports have.
SERVICES = ("households", "funds", "inspection", "notify")
ENCRYPTING = ("households", "funds", "notify")
KEEPING_FILES = "inspection"
BROKER_OFFSET = 92
SWITCH = {"1": True, "true": True, "0": False, "false": False}


class Broker(StrEnum):
    """Which broker the stack starts."""

    EMBEDDED = "embedded"
    APACHE = "apache"


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Where the state is, where the ports begin, which broker, whose clock, where the code is."""

    home: Path
    port_base: int
    broker: Broker
    simulation_clock: bool
    source: Path

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Read BANGFU_HOME, PORT_BASE, BROKER, SIMULATION_CLOCK and BANGFU_SOURCE.

        Empty counts as unset. Raises StackError for a value that cannot be meant.
        """
        port_base = variables.get("PORT_BASE") or "8000"
        if not port_base.isdecimal() or not 1024 <= int(port_base) <= 65_000:
            raise StackError("PORT_BASE is a number from 1024 to 65000.")
        broker = variables.get("BROKER") or Broker.EMBEDDED
        if broker not in set(Broker):
            raise StackError(f"BROKER is one of: {', '.join(Broker)}.")
        simulation = (variables.get("SIMULATION_CLOCK") or "0").lower()
        if simulation not in SWITCH:
            raise StackError("SIMULATION_CLOCK is 1 or 0.")
        return cls(
            home=Path(variables.get("BANGFU_HOME") or ".bangfu").expanduser().resolve(),
            port_base=int(port_base),
            broker=Broker(broker),
            simulation_clock=SWITCH[simulation],
            source=Path(variables.get("BANGFU_SOURCE") or ROOT).resolve(),
        )

    @property
    def broker_port(self) -> int:
        """Where the broker listens; Apache Kafka's controller takes the next port."""
        return self.port_base + BROKER_OFFSET

    @property
    def field_key_file(self) -> Path:
        """The master key of encrypted columns: 32 bytes, hex."""
        return self.home / "field.key"

    @property
    def link_key_file(self) -> Path:
        """The key that signs download links: 32 bytes, hex."""
        return self.home / "link.key"

    def keep_keys(self) -> None:
        """Make those of the stack's keys that are missing."""
        for file in (self.field_key_file, self.link_key_file):
            keep_secret(file, lambda: secrets.token_hex(32).encode())

    def port(self, service: str) -> int:
        """Where a service listens: the base + its place among the four."""
        return self.port_base + 1 + SERVICES.index(service)

    def ports(self) -> dict[str, int]:
        """Every port the stack will listen on, by what listens there."""
        used = {service: self.port(service) for service in SERVICES} | {"broker": self.broker_port}
        if self.broker is Broker.APACHE:
            used["broker's controller"] = self.broker_port + 1
        return used

    def url(self, service: str) -> str:
        """The root URL of a service."""
        return f"http://127.0.0.1:{self.port(service)}"

    def environment(self, service: str, database_url: str) -> dict[str, str]:
        """The whole environment of a service's process: ours, and what the stack itself decides."""
        decided = {
            "DATABASE_URL": database_url,
            "KAFKA_BOOTSTRAP": f"127.0.0.1:{self.broker_port}",
            "KAFKA_IDEMPOTENT": str(self.broker is Broker.APACHE).lower(),
            "JWKS_FILE": str(self.home / "issuer" / "jwks.json"),
            "TOKEN_ISSUER": issuer.ISSUER,
            "TOKEN_AUDIENCE": issuer.AUDIENCE,
            "SIMULATION_CLOCK": str(self.simulation_clock).lower(),
        }
        if service in ENCRYPTING:
            decided["FIELD_KEY_FILE"] = str(self.field_key_file)
        if service == KEEPING_FILES:
            decided["LINK_KEY_FILE"] = str(self.link_key_file)
            decided["OBJECT_STORE_URL"] = (self.home / "objects").as_uri()
        prefix = service.upper()
        return {
            **os.environ,
            "PYTHONPATH": str(self.source),
            "PYTHONUNBUFFERED": "1",
            **{f"{prefix}_{name}": value for name, value in decided.items()},
        }
