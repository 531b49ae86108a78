"""The nine looks 九看 and the kind of problem that a NO stands for."""

from collections.abc import Mapping
from enum import StrEnum


class Answer(StrEnum):
    """What was seen."""

    YES = "YES"
    NO = "NO"


PROBLEM_KINDS = {
    1: "INCOME_BELOW_LINE",  # 看粮
    2: "HOUSING_UNSAFE",  # 看房
    3: "EDU_DROPOUT",  # 看有没有读书郎
    4: "WATER_UNSAFE",  # 看水
    5: "ARCHIVE_DEFECT",  # 看人
    6: "HEALTH_DOCTOR_SIGN",  # 看身体行不行
    7: "INDUSTRY_NOT_COVERED",  # 看业
    8: "MEDICAL_UNINSURED",  # 看保
    9: "PROCEDURE_DEFECT",  # 看成效好不好
}
"""What each look stands for when answered NO (C.4)."""


def failed_looks(looks: Mapping[str, str]) -> list[tuple[int, str]]:
    """The looks answered NO with the kind of problem each stands for, in the order of the looks."""
    return [(look, kind) for look, kind in PROBLEM_KINDS.items() if looks[str(look)] == Answer.NO]
