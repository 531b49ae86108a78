"""What somebody who searches an inbox may mean by a word. Pure."""

from dataclasses import dataclass

from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.words import kind_name, purpose_name
from shared.labels import KINDS


@dataclass(frozen=True, slots=True)
class Meaning:
    """A word as a pattern of LIKE, and the kinds of problems and the purposes whose names hold
    it."""

    pattern: str
    kinds: list[str]
    purposes: list[str]


def meaning_of(word: str) -> Meaning:
    """What `word` may mean; of corruption no more is searched than is shown (I-13)."""
    escaped = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return Meaning(
        pattern=f"%{escaped}%",
        kinds=[kind for kind in KINDS if word in kind_name(kind)],
        purposes=[purpose.value for purpose in Purpose if word in purpose_name(purpose)],
    )
