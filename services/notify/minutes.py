"""Limits per minute: what is limited keeps the instants at which it was last done, as an array."""


def of_last_minute(instants: str, now: str) -> str:
    """SQL for those of the array `instants` that count at `now`, the earliest first.

    What is done at once is noted in any order; what lies further ahead is of simulated time.
    """
    return f"""
ARRAY(SELECT at FROM unnest({instants}) AS at
       WHERE at > {now} - interval '1 minute' AND at < {now} + interval '1 minute' ORDER BY at)
"""
