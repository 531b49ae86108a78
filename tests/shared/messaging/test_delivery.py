"""From one service's transaction to another's, through a broker that comes late and forgets."""

import asyncio

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.ports import claim_ports
from shared.database import Connection, Database
from shared.ids import new_id
from shared.messaging.consumer import Consumer
from shared.messaging.outbox import prepare, record_many
from shared.messaging.relay import Relay
from shared.messaging.settings import KafkaSettings
from tests.shared.messaging.loops import running, until
from tests.shared.messaging.parcels import DepotSeen, ParcelMoved, effects, note, parked


async def _ignore(_session: object, _events: object) -> None:
    """A reaction without an effect."""


async def test_every_event_takes_effect_once_though_the_broker_comes_late_and_loses_its_memory(
    database: Database, connection: Connection
) -> None:
    parcels = [new_id() for _ in range(60)]
    broker = EmbeddedBroker(claim_ports())
    settings = KafkaSettings(broker.bootstrap, idempotent=False)

    async def move_all(number: int) -> None:
        rows = [prepare(ParcelMoved(parcel_id=p, place=str(number)), number) for p in parcels]
        async with database.driver_transaction() as inside:
            await record_many(inside, rows)

    async def applied(number: int) -> bool:
        return len(await effects(connection)) == number * len(parcels)

    # The relay and the consumer of two services; here they share a database.
    consumer = Consumer(database, "mirror", {ParcelMoved: note, DepotSeen: _ignore}, settings)
    try:
        async with running(consumer.run, Relay(database, "parcels", settings).run):
            await move_all(1)
            await asyncio.sleep(0.3)  # no broker yet: both loops have met that
            broker.start()
            await until(lambda: applied(1), 20)
            broker.kill()
            await move_all(2)
            broker.start()
            await move_all(3)
            await until(lambda: applied(3), 30)
    finally:
        broker.stop()
    for parcel in parcels:
        assert await effects(connection, parcel) == [1, 2, 3]
    assert await parked(connection) == []


async def test_the_consumer_stops_in_five_seconds_though_the_broker_is_silent(
    database: Database,
) -> None:
    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    consumer = Consumer(database, "mirror", {ParcelMoved: note}, KafkaSettings(f"127.0.0.1:{port}"))
    async with running(consumer.run):
        await asyncio.sleep(0.5)
    server.close()


async def test_the_consumer_stops_in_five_seconds_though_the_broker_has_gone(
    database: Database, connection: Connection
) -> None:
    broker = EmbeddedBroker(claim_ports())
    broker.start()
    settings = KafkaSettings(broker.bootstrap, idempotent=False)
    rows = [prepare(ParcelMoved(parcel_id=new_id(), place="x"), 1)]
    async with database.driver_transaction() as inside:
        await record_many(inside, rows)
    consumer = Consumer(database, "mirror", {ParcelMoved: note}, settings)
    async with running(consumer.run):
        async with running(Relay(database, "parcels", settings).run):

            async def applied() -> bool:
                return bool(await effects(connection))

            await until(applied, 20)
        broker.kill()
        await asyncio.sleep(0.5)
