"""Who passes a rectified problem, in which order, until it is closed (I-40)."""

from enum import StrEnum

from services.inspection.kinds import STYLE, is_corruption
from shared.errors import Invalid
from shared.regions import Level, level_of


class Body(StrEnum):
    """The four bodies of the county that verify a rectification."""

    DEPARTMENT = "DEPARTMENT"  # 行业主管部门全面核查
    TOWNSHIP = "TOWNSHIP"  # 乡镇全面检查
    OFFICE = "OFFICE"  # 扶贫办抽查
    GROUP = "GROUP"  # 领导小组认定销号


# The bodies that verify one problem, in their order; the last one closes it.
Path = tuple[Body, ...]
DEFAULT_ORDER: Path = (Body.DEPARTMENT, Body.TOWNSHIP, Body.OFFICE, Body.GROUP)


class OrderInvalid(Invalid):
    """The order of the closing levels is none."""

    code = "CLOSE_LEVELS_INVALID"
    zh = "四级销号顺序须各含一次部门、乡镇、扶贫办、领导小组，且由领导小组最后认定。"
    en = "The four bodies stand once each, the leading group last."


def check_order(order: Path) -> Path:
    """The order itself; raises `OrderInvalid` unless it names each body once, GROUP last."""
    if set(order) != set(Body) or len(order) != len(Body) or order[-1] is not Body.GROUP:
        raise OrderInvalid.about("value")
    return order


def path_of(order: Path, *, kind: str, place: str) -> Path:
    """The bodies that verify a problem of `kind` at `place` under the county's `order`.

    A place above the townships has none to check it. Corruption is closed by the discipline
    commission that leads it, style by the poverty office and the leading group: nobody else sees
    them (I-13).
    """
    if is_corruption(kind):
        return (Body.DEPARTMENT,)
    if kind == STYLE:
        return (Body.DEPARTMENT, Body.GROUP)
    if level_of(place) in (Level.TOWNSHIP, Level.VILLAGE):
        return order
    return tuple(body for body in order if body is not Body.TOWNSHIP)
