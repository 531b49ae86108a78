"""Filling the mirror of regions from the national list, before any event comes in."""

from shared.database import Session
from shared.regions import seed_regions


async def seed_region_mirror(session: Session) -> int:
    """Copy the national list into an empty mirror; the number of rows, 0 when it was not empty."""
    driver = await session.driver()
    # Two processes may start at once; the second one waits here and then finds the rows.
    await driver.execute("LOCK TABLE regions IN SHARE ROW EXCLUSIVE MODE")
    if await driver.fetchval("SELECT EXISTS (SELECT FROM regions)"):
        return 0
    # As a stream: a list of them would stay in the process's memory.
    rows = ((row.code, row.name, row.admin_zone, 0) for row in seed_regions())
    status = await driver.copy_records_to_table(
        "regions", records=rows, columns=("code", "name", "admin_zone", "version")
    )
    return int(status.removeprefix("COPY "))
