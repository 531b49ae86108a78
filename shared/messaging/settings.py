"""What the relay and the consumer need to know about the broker."""

from dataclasses import dataclass
from typing import Self

from shared.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Address and pace; `idempotent` is off only on a broker that knows no producer ids."""

    bootstrap: str
    idempotent: bool = True
    fetch_wait_milliseconds: int = 25
    request_timeout_milliseconds: int = 10_000
    relay_poll_seconds: float = 0.05
    relay_batch_size: int = 500

    @classmethod
    def of(cls, settings: ServiceSettings) -> Self | None:
        """From a service's environment; None where no broker is configured."""
        if settings.kafka_bootstrap is None:
            return None
        return cls(
            bootstrap=settings.kafka_bootstrap,
            idempotent=settings.kafka_idempotent,
            fetch_wait_milliseconds=settings.kafka_fetch_wait_milliseconds,
            request_timeout_milliseconds=settings.kafka_request_timeout_milliseconds,
            relay_poll_seconds=settings.relay_poll_seconds,
            relay_batch_size=settings.relay_batch_size,
        )
