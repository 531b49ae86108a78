"""The language between the services: one file per publisher, readable by all."""
