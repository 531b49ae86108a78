"""Who answers for an organisation (I-12)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Responsible:
    """The three persons behind each problem of an organisation."""

    unit_head: str  # 一把手: first responsibility
    deputy: str  # 分管领导: concrete responsibility
    county_leader: str  # 县级责任领导
