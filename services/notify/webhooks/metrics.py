"""What an operator watches of webhooks."""

from prometheus_client import Counter, Gauge

PENDING = Gauge(
    "bangfu_webhook_deliveries_pending", "Deliveries that wait to be sent, counted up to 100,000"
)
WAITING_DEAD = Gauge(
    "bangfu_webhook_dead_deliveries",
    "Deliveries given up that nobody has replayed, counted up to 100,000",
)
DEAD = Counter("bangfu_webhook_deliveries_dead_total", "Deliveries given up after the last attempt")
ATTEMPTS = Counter("bangfu_webhook_attempts_total", "Attempts by what came of them", ["outcome"])
OPEN = Gauge("bangfu_webhook_lanes_open", "Endpoints whose circuit is open: only probes are sent")
SUSPENDED = Counter(
    "bangfu_webhook_suspensions_total", "Endpoints suspended, by reason", ["reason"]
)
