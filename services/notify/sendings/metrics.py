"""Figures of what goes out to people, for Prometheus."""

from prometheus_client import Counter, Gauge

ENDED = Counter(
    "bangfu_sendings_total", "Sendings that came to an end, by channel.", ["channel", "state"]
)
PENDING = Gauge("bangfu_sendings_pending_rows", "Sendings that wait.")
