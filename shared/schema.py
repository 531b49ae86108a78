"""The tables every service has, as one script that each service's first migration runs."""

from shared.audit import AUDIT_DDL
from shared.configuration import CONFIGURATION_DDL
from shared.messaging.schema import MESSAGING_DDL
from shared.timers import TIMERS_DDL
from shared.web.idempotency import IDEMPOTENCY_DDL

BACKBONE = ";\n".join(
    ddl.strip().rstrip(";")
    for ddl in (MESSAGING_DDL, TIMERS_DDL, AUDIT_DDL, CONFIGURATION_DDL, IDEMPOTENCY_DDL)
)
