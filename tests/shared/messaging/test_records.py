"""What the relay writes is what the consumer reads, in the partition Kafka would choose."""

import json
import random

from aiokafka.partitioner import DefaultPartitioner

from shared.events.base import Envelope
from shared.ids import new_id
from shared.messaging.records import headers_of, partition_of
from tests.shared.messaging.parcels import ParcelMoved, enclosed


def test_a_key_goes_to_the_partition_of_kafkas_default_partitioner() -> None:
    generator = random.Random(7)
    keys = [generator.randbytes(length) for length in range(60) for _ in range(20)]
    keys += [str(new_id()).encode() for _ in range(500)]
    partitioner = DefaultPartitioner()
    for partitions in (1, 6, 12):
        everything = list(range(partitions))
        for key in keys:
            assert partition_of(key, partitions) == partitioner(key, everything, everything)


def test_an_outbox_row_becomes_the_headers_of_its_envelope() -> None:
    event = ParcelMoved(parcel_id=new_id(), place="511132001")
    envelope = enclosed(
        event,
        3,
        region="511132001",
        correlation_id="corr",
        causation_id="cause",
        simulated=True,
        trace={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    )
    headers = headers_of(
        {
            "event_id": envelope.id,
            "event_type": event.wire_type,
            "schema_version": 1,
            "aggregate_id": envelope.subject,
            "aggregate_seq": 3,
            "msg_key": envelope.partition_key,
            "headers": json.dumps(
                {
                    "source": "/parcels",
                    "time": envelope.time.isoformat(),
                    "regioncode": "511132001",
                    "correlationid": "corr",
                    "causationid": "cause",
                    "simulated": "true",
                    **(envelope.trace or {}),
                }
            ),
        }
    )
    assert sorted(headers) == sorted(envelope.headers())
    assert Envelope.from_record(headers, envelope.data) == envelope
