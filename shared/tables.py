"""The mapped base of a service's tables: a registry of its own and named constraints."""

from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def service_registry() -> registry:
    """A registry for one service, so that several services in one interpreter stay apart."""
    return registry(metadata=MetaData(naming_convention=NAMING))


__all__ = ["SQLModel", "service_registry"]
