"""Problem kinds that are kept out of ordinary queues, lists and figures (I-13)."""

STYLE = "STYLE"
CORRUPTION_PREFIX = "CORRUPTION_"


def is_corruption(kind: str) -> bool:
    """Whether a kind is for the discipline commission alone."""
    return kind.startswith(CORRUPTION_PREFIX)


def is_sensitive(kind: str) -> bool:
    """Whether a kind is for the discipline commission or the poverty office alone."""
    return kind == STYLE or is_corruption(kind)
