"""What a caller sees of the problems: region prefix × department × sensitive kinds (X-05, I-13)."""

from dataclasses import dataclass

from shared.regions import prefix_range
from shared.security import Actor, Role

STYLE = "STYLE"
CORRUPTION_PREFIX = "CORRUPTION_"

# Organisations that lead style and corruption matters; no other queue or list shows them.
_SENSITIVE_UNITS = frozenset({"POV", "DISC"})
# These roles act for the county or above even where their organisation is no place.
_COUNTY_WIDE = (Role.INSPECTOR, Role.OPS, Role.PROVINCE_PLATFORM)


@dataclass(frozen=True, slots=True)
class Sight:
    """A half-open range of place codes, one lead department (None: all), and whether sensitive
    kinds are shown."""

    low: str
    high: str
    department: str | None
    sensitive: bool

    @property
    def region(self) -> str:
        """The region code the range stands for."""
        return self.low


def sight_of(actor: Actor) -> Sight:
    """What `actor` sees."""
    low, high = prefix_range(actor.region)
    limited = actor.is_department and not actor.has(*_COUNTY_WIDE)
    return Sight(low, high, actor.unit if limited else None, actor.unit in _SENSITIVE_UNITS)


def is_sensitive(kind: str) -> bool:
    """Whether a kind is kept out of ordinary queues and lists (I-13)."""
    return kind == STYLE or kind.startswith(CORRUPTION_PREFIX)
