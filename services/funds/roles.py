"""Who reads the money of a region."""

from shared.security import Role

READERS = (
    Role.FINANCE,
    Role.POVERTY_OFFICE,
    Role.LEADING_GROUP,
    Role.COUNTY_GOV,
    Role.DISCIPLINE,
    Role.INSPECTOR,
    Role.PROVINCE_PLATFORM,
    Role.OPS,
)
