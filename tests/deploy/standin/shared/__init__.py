"""A stand-in for the suite's code: what the supervisor starts, without the services."""
