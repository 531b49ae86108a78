"""What an operator watches of webhooks."""

from prometheus_client import Counter, Gauge

PENDING = Gauge(
    "webhook_deliveries_pending", "Deliveries that wait to be sent, counted up to 100,000"
)
DEAD = Counter("webhook_deliveries_dead_total", "Deliveries given up after the last attempt")
ATTEMPTS = Counter("webhook_attempts_total", "Attempts by what came of them", ["outcome"])
OPEN = Gauge("webhook_lanes_open", "Endpoints whose circuit is open: only probes are sent")
SUSPENDED = Counter("webhook_suspensions_total", "Endpoints suspended, by reason", ["reason"])
