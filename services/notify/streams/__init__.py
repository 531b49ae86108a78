"""Server-sent events: what a subscription has recorded, sent as it comes and resumable."""
