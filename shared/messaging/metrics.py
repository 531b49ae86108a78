"""Figures of the relay, the consumer and the timers for Prometheus; the alarms stand on them."""

from prometheus_client import Counter, Gauge

OUTBOX_PENDING = Gauge(
    "bangfu_outbox_pending_rows", "Outbox rows not yet acknowledged by the broker.", ["service"]
)
OUTBOX_OLDEST = Gauge(
    "bangfu_outbox_oldest_pending_seconds", "Age of the oldest pending outbox row.", ["service"]
)
OUTBOX_PARKED = Gauge(
    "bangfu_outbox_parked_rows", "Outbox rows that can never be sent and hold back their key.",
    ["service"],
)  # fmt: skip
RELAY_PUBLISHED = Counter(
    "bangfu_relay_published_total", "Events acknowledged by the broker.", ["service"]
)
RELAY_FAILURES = Counter(
    "bangfu_relay_failures_total", "Times the relay dropped its producer and began anew.",
    ["service"],
)  # fmt: skip
RELAY_RESENT = Counter(
    "bangfu_relay_resent_total", "Published events queued again after the broker lost their topic.",
    ["service"],
)  # fmt: skip
RELAY_LEASE = Gauge(
    "bangfu_relay_lease_held", "1 while this process is the service's active relay.", ["service"]
)
CONSUMED = Counter(
    "bangfu_consumer_events_total", "Events received, by outcome.", ["consumer", "outcome"]
)
PARKED = Counter("bangfu_consumer_parked_total", "Events set aside, by kind.", ["consumer", "kind"])
PARKED_OPEN = Gauge(
    "bangfu_consumer_parked_open", "Events set aside and not yet resolved.", ["consumer"]
)
CONSUMER_LAG = Gauge(
    "bangfu_consumer_lag_records", "Records in assigned partitions not yet pulled.", ["consumer"]
)
CONSUMER_RETRIES = Counter(
    "bangfu_consumer_retries_total", "Batches retried in place after database trouble.",
    ["consumer"],
)  # fmt: skip
TIMERS_FIRED = Counter("bangfu_timers_fired_total", "Timers fired.", ["kind"])
TIMERS_FAILED = Counter("bangfu_timers_failed_total", "Firings that failed.", ["kind"])
TIMERS_REARMED = Counter(
    "bangfu_timers_rearmed_total", "Timers the watchdog found missing and armed.", ["kind"]
)
TIMERS_PAUSED = Gauge(
    "bangfu_timers_paused", "1 while firing waits for a person to confirm the clock."
)
