"""The roles that mind an organisation's matters, and those that take what it is told."""

from shared.security import Role

# Who works through an organisation's queue.
WORKERS = (
    Role.DEPT_HANDLER,
    Role.DEPT_HEAD,
    Role.POVERTY_OFFICE,
    Role.LEADING_GROUP,
    Role.TOWNSHIP_REVIEWER,
    Role.TOWNSHIP_PARTY_SECRETARY,
    Role.VILLAGE_CADRE,
    Role.COUNTY_GOV,
    Role.FINANCE,
    Role.DISCIPLINE,
)

# Who reads what stands in an organisation's queue: operators in their own, too, who are told there
# of endpoints that were given up (N-15).
READERS = (*WORKERS, Role.OPS)

# Whose systems take messages out of it: platforms too, for what they subscribed to (N-02).
TAKERS = (*READERS, Role.PROVINCE_PLATFORM)
