"""Names of persons: one separator, no invisible characters, rare characters kept.

Rules: 民委发〔2016〕33号 (separator U+00B7, name fields of at least 50 characters) and GB 18030.
"""

import re
import unicodedata
from typing import NamedTuple

from shared.errors import Invalid

SEPARATOR = "·"
NAME_MAXIMUM = 50


class NameInvalid(Invalid):
    """The name is malformed."""

    code = "NAME_INVALID"
    zh = "姓名应为1至50个字符，不得含控制字符或不可见字符。"
    en = "A name has 1 to 50 characters and no control or invisible ones."


class PersonName(NamedTuple):
    """A name as it was written, and in the form in which it is stored and compared."""

    raw: str
    normalised: str


# The dots that people type for U+00B7: • ・ ‧ ． . ･ ∙ ⋅
_DOTS = dict.fromkeys(map(ord, "\u2022\u30fb\u2027\uff0e.\uff65\u2219\u22c5"), SEPARATOR)

# Where the 2000 edition of GB 18030 had to use private code points, older files still hold them,
# and Python's codec yields them. Each ideograph has had its own code point since.
_PRIVATE_IDEOGRAPHS = {
    0xE816: "\U00020087",
    0xE817: "\U00020089",
    0xE818: "\U000200cc",
    0xE81E: "\u9fb4",
    0xE826: "\u9fb5",
    0xE82B: "\u9fb6",
    0xE82C: "\u9fb7",
    0xE831: "\U000215d7",
    0xE832: "\u9fb8",
    0xE83B: "\U0002298f",
    0xE843: "\u9fb9",
    0xE854: "\u9fba",
    0xE855: "\U000241fe",
    0xE864: "\u9fbb",
}
_FOLDED = _DOTS | _PRIVATE_IDEOGRAPHS

# Control, format (zero-width, bidirectional), surrogate, private, unassigned, line and paragraph.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Invisible, though their categories are those of marks and letters.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")

# Only spaces count as padding: a line break or a tab inside a name is refused.
_SPACES = " \u00a0\u3000"
_IDEOGRAPHS = "\u2e80-\u9fff\U00020000-\U0003ffff"
_PADDING = re.compile(
    f"[{_SPACES}]+(?=[{_IDEOGRAPHS}{SEPARATOR}])|(?<=[{_IDEOGRAPHS}{SEPARATOR}])[{_SPACES}]+"
)
_SPACE_RUN = re.compile(f"[{_SPACES}]+")


def parse_person_name(text: str) -> PersonName:
    """`text` with its normal form: NFC, U+00B7 as separator, no padding; raises `NameInvalid`.

    Spaces beside an ideograph or a separator are padding and go; those inside a name in Latin
    letters stay, one at a time. The length limit is on code points of the normal form.
    """
    name = unicodedata.normalize("NFC", text.translate(_FOLDED))
    name = _SPACE_RUN.sub(" ", _PADDING.sub("", name.strip(_SPACES)))
    categories = {unicodedata.category(character) for character in name}
    if (
        not 1 <= len(name) <= NAME_MAXIMUM
        or categories & _REFUSED_CATEGORIES
        or not any(category.startswith("L") for category in categories)
        or _INVISIBLE.search(name)
    ):
        raise NameInvalid
    return PersonName(text, name)
