"""The one-machine stack as code: PostgreSQL and a broker from wheels, four services, one supervisor."""
