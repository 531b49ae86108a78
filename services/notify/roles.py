"""The roles that mind an organisation's matters."""

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
