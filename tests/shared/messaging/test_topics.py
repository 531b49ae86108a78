"""Topics come from event classes and are created by their publisher alone."""

import pytest

from deploy.embedded.broker import EmbeddedBroker
from shared.events.base import Event
from shared.messaging.topics import Topic, ensure_topics, existing_topics, topics_of
from tests.shared.messaging.parcels import DepotSeen, ParcelLost, ParcelMoved


class _ProblemLogged(Event):
    wire_type = ""

    @classmethod
    def topic(cls) -> str:
        return "inspection.problem"


def test_events_of_one_kind_of_subject_share_a_topic() -> None:
    assert topics_of([ParcelMoved, ParcelLost, DepotSeen]) == [
        Topic("parcels.depot", 6, compacted=True),
        Topic("parcels.parcel", 6, compacted=False),
    ]


def test_the_busiest_topics_have_twelve_partitions() -> None:
    assert topics_of([_ProblemLogged]) == [Topic("inspection.problem", 12, compacted=False)]


def test_what_people_do_by_hand_has_one_partition() -> None:
    class RankingPublished(_ProblemLogged):
        @classmethod
        def topic(cls) -> str:
            return "inspection.ranking"

    assert topics_of([RankingPublished]) == [Topic("inspection.ranking", 1, compacted=False)]


def test_a_topic_holds_snapshots_or_histories_but_not_both() -> None:
    class Mixed(_ProblemLogged):
        latest_wins = True

    with pytest.raises(ValueError, match="mixes"):
        topics_of([_ProblemLogged, Mixed])


def test_three_brokers_keep_three_replicas_of_which_two_must_have_a_record() -> None:
    alone, among_five = (
        Topic("a.b", 6, compacted=False).on(1),
        Topic("a.b", 6, compacted=True).on(5),
    )
    assert (alone.replication_factor, alone.topic_configs["min.insync.replicas"]) == (1, "1")
    assert alone.topic_configs["retention.ms"] == "2592000000"
    assert among_five.replication_factor == 3
    assert among_five.topic_configs["cleanup.policy"] == "compact"
    assert among_five.topic_configs["min.insync.replicas"] == "2"
    assert among_five.topic_configs["min.compaction.lag.ms"] == "2592000000"


async def test_missing_topics_are_created_once(shared_broker: EmbeddedBroker) -> None:
    topics = [Topic("once.here", 6, compacted=False), Topic("once.there", 6, compacted=True)]
    bootstrap = shared_broker.bootstrap
    assert await ensure_topics(bootstrap, topics[:1]) == {"once.here"}
    assert await ensure_topics(bootstrap, topics) == {"once.there"}
    assert await ensure_topics(bootstrap, topics) == set()
    assert {"once.here", "once.there"} <= await existing_topics(bootstrap)
