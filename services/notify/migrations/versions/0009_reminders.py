"""Digests, and after which event a reminder was sent."""

from shared.migrate import run_script

revision = "0009"
down_revision = "0008"

DIGESTS = """
ALTER TABLE reminders ADD COLUMN sent_version bigint;
-- Of a store being rebuilt; otherwise empty.
CREATE INDEX reminders_restored ON reminders (problem_id)
 WHERE state = 'PLANNED' AND sent_at IS NOT NULL;

CREATE TABLE digests (
  digest_id   uuid CONSTRAINT pk_digests PRIMARY KEY,
  org         text COLLATE "C" NOT NULL,
  kind        varchar NOT NULL,
  period      varchar NOT NULL,
  region_code text COLLATE "C" NOT NULL,
  figures     json NOT NULL,
  title       varchar NOT NULL,
  text        varchar NOT NULL,
  issued_at   timestamptz NOT NULL,
  CONSTRAINT uq_digests_kind_period_org UNIQUE (kind, period, org)
);
CREATE INDEX digests_of_org ON digests (org, issued_at DESC, digest_id);
-- What digests count: the problems county by county, and what came and went in a week.
CREATE INDEX problems_of_place ON problems (village_code);
CREATE INDEX happenings_counted ON happenings (at)
 WHERE event_type IN ('inspection.problem.dispatched.v1', 'inspection.problem.closed.v1');
"""


def upgrade() -> None:
    """Create what digests need."""
    run_script(DIGESTS)
