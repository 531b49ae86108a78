"""HTTP in the manner of all four services: problem details, dependencies, pages, idempotency."""
