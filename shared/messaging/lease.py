"""Which of a service's relays is active: a row with an expiry, renewed by its holder.

Efficiency, not correctness: two active relays only send duplicates, which consumers drop.
"""

import time
from uuid import UUID

from shared.database import Connection
from shared.ids import new_id

TTL_SECONDS = 15.0
RENEW_SECONDS = 5.0
MARGIN_SECONDS = 2.0


class Lease:
    """This process's claim on the relay lease of `service`; times by the database's clock.

    A holder whose connection the server no longer knows is gone (killed, restarted), so its lease
    is taken at once; a holder that is merely silent keeps it until it expires.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._holder: UUID = new_id()
        self._deadline = 0.0
        self._next_attempt = 0.0

    @property
    def seconds_left(self) -> float:
        """For how long this process may still act as the holder; 0 when it is not."""
        return max(0.0, self._deadline - time.monotonic())

    async def introduce(self, connection: Connection) -> None:
        """Make `connection` the sign of life of this holder."""
        self._deadline = self._next_attempt = 0.0
        await connection.execute(
            "SELECT set_config('application_name', $1, false)", f"relay {self._holder}"
        )
        await connection.execute(
            "INSERT INTO relay_lease (name) VALUES ($1) ON CONFLICT DO NOTHING", self._service
        )

    async def hold(self, connection: Connection) -> bool:
        """Whether this process is the active relay; renews or tries to take the lease when due."""
        now = time.monotonic()
        if now >= self._next_attempt:
            epoch = await connection.fetchval(
                """
                UPDATE relay_lease
                   SET holder = $1, expires_at = clock_timestamp() + make_interval(secs => $3),
                       epoch = epoch + (holder IS DISTINCT FROM $1)::int
                 WHERE name = $2
                   AND (holder = $1 OR expires_at < clock_timestamp()
                        OR NOT EXISTS (SELECT FROM pg_stat_activity
                                        WHERE application_name = 'relay ' || holder))
                RETURNING epoch
                """,
                self._holder,
                self._service,
                TTL_SECONDS,
                timeout=TTL_SECONDS - RENEW_SECONDS,
            )
            self._deadline = 0.0 if epoch is None else now + TTL_SECONDS - MARGIN_SECONDS
            self._next_attempt = now + (1.0 if epoch is None else RENEW_SECONDS)
        return self.seconds_left > 0

    async def release(self, connection: Connection) -> None:
        """Let the next relay begin at once."""
        self._deadline = 0.0
        await connection.execute(
            "UPDATE relay_lease SET expires_at = '-infinity' WHERE name = $1 AND holder = $2",
            self._service,
            self._holder,
            timeout=1,
        )
