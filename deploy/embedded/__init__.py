"""The one-machine stack: PostgreSQL and a broker from wheels, four services, one supervisor."""
