"""What an operator watches of queues."""

from prometheus_client import Gauge

DEAD = Gauge(
    "bangfu_dead_letters",
    "Messages given up that nobody has replayed, counted up to 100,000",
)
