"""Events between services: transactional outbox, relay, idempotent consumer, parking."""
