"""Plans, progress, own checks, delegation, submissions."""

from shared.migrate import run_script

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE rectification_plans (
  id                 uuid CONSTRAINT pk_rectification_plans PRIMARY KEY,
  problem_id         uuid NOT NULL,
  number             integer NOT NULL,
  target             varchar NOT NULL,
  responsible_person varchar NOT NULL,
  measures           jsonb NOT NULL,
  progress_steps     jsonb NOT NULL,
  deadline           date NOT NULL,
  consolidated_id    uuid,
  person             varchar NOT NULL,
  organisation       varchar NOT NULL,
  at                 timestamptz NOT NULL,
  CONSTRAINT uq_rectification_plans_problem_id_number UNIQUE (problem_id, number)
);

CREATE TABLE consolidated_plans (
  id          uuid CONSTRAINT pk_consolidated_plans PRIMARY KEY,
  region_code text COLLATE "C" NOT NULL,
  department  varchar NOT NULL,
  campaign_id uuid,
  author      varchar NOT NULL,
  planned     integer NOT NULL,
  refused     integer NOT NULL,
  person      varchar NOT NULL,
  at          timestamptz NOT NULL
);
CREATE INDEX ix_consolidated_plans_region_code ON consolidated_plans (region_code, id);

CREATE TABLE delegations (
  id         uuid CONSTRAINT pk_delegations PRIMARY KEY,
  problem_id uuid NOT NULL,
  from_org   varchar NOT NULL,
  to_org     varchar NOT NULL,
  note       varchar NOT NULL,
  person     varchar NOT NULL,
  at         timestamptz NOT NULL
);
CREATE INDEX ix_delegations_problem_id ON delegations (problem_id, id);

CREATE TABLE progress_reports (
  id           uuid CONSTRAINT pk_progress_reports PRIMARY KEY,
  problem_id   uuid NOT NULL,
  attempt      integer NOT NULL,
  pct          integer NOT NULL,
  text         varchar NOT NULL,
  evidence     jsonb NOT NULL,
  person       varchar NOT NULL,
  organisation varchar NOT NULL,
  at           timestamptz NOT NULL
);
CREATE INDEX ix_progress_reports_problem_id ON progress_reports (problem_id, id);

CREATE TABLE own_checks (
  id           uuid CONSTRAINT pk_own_checks PRIMARY KEY,
  problem_id   uuid NOT NULL,
  attempt      integer NOT NULL,
  checked_by   varchar NOT NULL,
  checked_on   date NOT NULL,
  text         varchar NOT NULL,
  person       varchar NOT NULL,
  organisation varchar NOT NULL,
  at           timestamptz NOT NULL
);
CREATE INDEX ix_own_checks_problem_id ON own_checks (problem_id, attempt, organisation);

CREATE TABLE submissions (
  problem_id   uuid NOT NULL,
  attempt      integer NOT NULL,
  done_text    varchar NOT NULL,
  evidence     jsonb NOT NULL,
  person       varchar NOT NULL,
  organisation varchar NOT NULL,
  at           timestamptz NOT NULL,
  CONSTRAINT pk_submissions PRIMARY KEY (problem_id, attempt)
)
"""


def upgrade() -> None:
    """Create the tables of plans and work."""
    run_script(TABLES)
