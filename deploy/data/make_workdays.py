"""Makes shared/data/workdays.json from the constants of the PyPI package chinesecalendar.

Run by hand:

    pip install chinesecalendar==1.11.0
    python deploy/data/make_workdays.py

and commit what it wrote.
"""

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from chinese_calendar import constants

TARGET = Path(__file__).resolve().parents[2] / "shared" / "data" / "workdays.json"


def month_days(days: Iterable[date], year: int) -> list[str]:
    """The days of `year`, as MM-DD in order."""
    return sorted(f"{day:%m-%d}" for day in days if day.year == year)


def main() -> None:
    """Write one entry per year: its days off and its make-up workdays."""
    years = {
        year: {
            "holidays": month_days(constants.holidays, year),
            "workdays": month_days(constants.workdays, year),
        }
        for year in sorted({day.year for day in constants.holidays})
    }
    entries = (f'  "{year}": {json.dumps(days)}' for year, days in years.items())
    TARGET.write_text("{\n" + ",\n".join(entries) + "\n}\n", encoding="utf-8")
    print(f"{len(years)} years, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
