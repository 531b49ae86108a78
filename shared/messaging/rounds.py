"""Batching that keeps each subject's own order: round k holds the k-th item of every subject."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Kind = TypeVar("Kind", bound=Hashable)


def groups_in_order(
    items: Iterable[Item],
    subject_of: Callable[[Item], Hashable],
    kind_of: Callable[[Item], Kind],
) -> list[tuple[Kind, list[Item]]]:
    """Groups of one kind, to be handled one after the other.

    No group holds two items of a subject, and a subject's items come in their order.
    """
    seen: dict[Hashable, int] = {}
    rounds: list[dict[Kind, list[Item]]] = []
    for item in items:
        subject = subject_of(item)
        place = seen.get(subject, 0)
        seen[subject] = place + 1
        if place == len(rounds):
            rounds.append({})
        rounds[place].setdefault(kind_of(item), []).append(item)
    return [group for one_round in rounds for group in one_round.items()]
