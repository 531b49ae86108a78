"""What a caller sees of the problems: region prefix × department × sensitive kinds (X-05, I-13)."""

from dataclasses import dataclass

from shared.regions import is_within, prefix_range
from shared.security import Actor, Role

# Style matters are led by the poverty office, closed by the leading group and watched by
# discipline; corruption is a matter of discipline alone. No other queue, list or figure shows them.
_STYLE_UNITS = frozenset({"POV", "LG", "DISC"})
_CORRUPTION_UNITS = frozenset({"DISC"})
# These roles act for the county or above even where their organisation is no place.
_COUNTY_WIDE = (Role.INSPECTOR, Role.OPS, Role.PROVINCE_PLATFORM)


@dataclass(frozen=True, slots=True)
class Sight:
    """A half-open range of place codes, one lead department (None: all), and whether style and
    corruption matters are shown."""

    low: str
    high: str
    department: str | None
    style: bool
    corruption: bool

    @property
    def region(self) -> str:
        """The region code the range stands for."""
        return self.low


def concerns(actor: Actor, region_code: str) -> bool:
    """Whether `region_code` is the actor's region or stands above or below it."""
    return is_within(region_code, actor.region) or is_within(actor.region, region_code)


def sight_of(actor: Actor) -> Sight:
    """What `actor` sees."""
    low, high = prefix_range(actor.region)
    limited = actor.is_department and not actor.has(*_COUNTY_WIDE)
    return Sight(
        low,
        high,
        actor.unit if limited else None,
        style=actor.unit in _STYLE_UNITS,
        corruption=actor.unit in _CORRUPTION_UNITS,
    )
