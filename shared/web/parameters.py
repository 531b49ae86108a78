"""The query parameters that a route knows; others are refused."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant

from shared.errors import FieldError, Invalid

NAME_CHARACTERS = 64

_known: dict[Callable[..., Any], frozenset[str]] = {}


def refuse_unknown_parameters(request: Request) -> None:
    """Raise `Invalid` that names each parameter the request's route does not know: without a filter
    that was misspelt the answer would be everything."""
    route = request.scope["route"]
    if route.endpoint not in _known:
        _known[route.endpoint] = frozenset(_names(route.dependant))
    unknown = sorted(request.query_params.keys() - _known[route.endpoint])
    if unknown:
        raise Invalid(errors=[_error(name[:NAME_CHARACTERS]) for name in unknown])


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for dependency in dependant.dependencies:
        yield from _names(dependency)


def _error(name: str) -> FieldError:
    return FieldError(
        name, "UNKNOWN_PARAMETER", "没有此查询参数。", "There is no such query parameter."
    )
