"""Mirrors, ledger, routing, campaigns, problems."""

from shared.migrate import run_script

revision = "0002"
down_revision = "0001"

REFERENCE = """
CREATE TABLE regions (
  code       text COLLATE "C" CONSTRAINT pk_regions PRIMARY KEY,
  name       varchar NOT NULL,
  admin_zone boolean NOT NULL,
  valid_to   date,
  version    bigint NOT NULL
);

CREATE TABLE household_mirror (
  household_id uuid CONSTRAINT pk_household_mirror PRIMARY KEY,
  household_no varchar NOT NULL,
  village_code text COLLATE "C" NOT NULL,
  cohort       varchar NOT NULL,
  active       boolean NOT NULL,
  version      integer NOT NULL
);

CREATE TABLE routing_rules (
  region         text COLLATE "C" NOT NULL,
  kind           varchar NOT NULL,
  effective_from date NOT NULL,
  department     varchar NOT NULL,
  set_by         varchar NOT NULL,
  set_at         timestamptz NOT NULL,
  CONSTRAINT pk_routing_rules PRIMARY KEY (region, kind, effective_from)
);

CREATE TABLE campaigns (
  id               uuid CONSTRAINT pk_campaigns PRIMARY KEY,
  name             varchar NOT NULL,
  type             varchar NOT NULL,
  region_code      text COLLATE "C" NOT NULL,
  year             integer NOT NULL,
  deadline_policy  jsonb,
  self_check_until date,
  stages           jsonb NOT NULL,
  state            varchar NOT NULL,
  created_by       varchar NOT NULL,
  created_at       timestamptz NOT NULL,
  version          integer NOT NULL,
  event_sequence   bigint NOT NULL
);
CREATE INDEX ix_campaigns_region_code ON campaigns (region_code, id)
"""

# Changes wait without an index until they are folded: writing one must cost next to nothing.
LEDGER = """
CREATE TABLE ledger_deltas (
  on_day       date NOT NULL,
  campaign_id  uuid,
  village_code text COLLATE "C" NOT NULL,
  kind         text NOT NULL,
  lead_dept    text NOT NULL,
  cohort       text NOT NULL,
  severity     text NOT NULL,
  source       text NOT NULL,
  object_type  text NOT NULL,
  found        integer NOT NULL,
  reported     integer NOT NULL,
  closed       integer NOT NULL
);
ALTER TABLE ledger_deltas SET (autovacuum_vacuum_scale_factor = 0,
                               autovacuum_vacuum_threshold = 5000);

CREATE TABLE ledger_days (
  LIKE ledger_deltas,
  CONSTRAINT uq_ledger_days UNIQUE NULLS NOT DISTINCT
    (campaign_id, on_day, village_code, kind, lead_dept, cohort, severity, source, object_type)
);
CREATE INDEX ix_ledger_days_village_code ON ledger_days (village_code, on_day);
CREATE INDEX ix_ledger_days_on_day ON ledger_days (on_day);

CREATE TABLE ledger_totals (
  level       smallint NOT NULL,
  place       text COLLATE "C" NOT NULL,
  campaign_id uuid,
  kind        text NOT NULL,
  lead_dept   text NOT NULL,
  cohort      text NOT NULL,
  severity    text NOT NULL,
  source      text NOT NULL,
  object_type text NOT NULL,
  found       integer NOT NULL,
  reported    integer NOT NULL,
  closed      integer NOT NULL,
  CONSTRAINT uq_ledger_totals UNIQUE NULLS NOT DISTINCT
    (campaign_id, level, place, kind, lead_dept, cohort, severity, source, object_type)
) WITH (fillfactor = 70);
CREATE INDEX ix_ledger_totals_level_place ON ledger_totals (level, place)
"""

PROBLEMS = """
CREATE SEQUENCE problem_number_blocks;

CREATE TABLE problems (
  id                  uuid CONSTRAINT pk_problems PRIMARY KEY,
  problem_no          varchar NOT NULL CONSTRAINT uq_problems_problem_no UNIQUE,
  campaign_id         uuid,
  kind                varchar NOT NULL,
  tier                varchar NOT NULL,
  scope               varchar NOT NULL,
  severity            varchar NOT NULL,
  cohort              varchar NOT NULL,
  object_type         varchar NOT NULL,
  object_ref          varchar NOT NULL,
  county_code         text COLLATE "C" NOT NULL,
  village_code        text COLLATE "C" NOT NULL,
  lead_dept           varchar NOT NULL,
  co_depts            text[] NOT NULL,
  source              varchar NOT NULL,
  found_on            date NOT NULL,
  sources             jsonb NOT NULL,
  due_on              date,
  due_rules           text[] NOT NULL,
  due_history         jsonb NOT NULL,
  extended            boolean NOT NULL,
  state               varchar NOT NULL,
  finished            boolean NOT NULL,
  confirm_by          date,
  closed_on           date,
  overdue_level       integer NOT NULL,
  false_rectification boolean NOT NULL,
  late_found          boolean NOT NULL,
  object_unverified   boolean NOT NULL,
  unrouted            boolean NOT NULL,
  no_policy           boolean NOT NULL,
  accountable         boolean NOT NULL,
  logged_at           timestamptz NOT NULL,
  logged_by           varchar NOT NULL,
  version             integer NOT NULL,
  event_sequence      bigint NOT NULL,
  CONSTRAINT ck_problems_finished CHECK (finished = (state IN ('CLOSED', 'WITHDRAWN'))),
  CONSTRAINT ck_problems_due CHECK (due_on IS NOT NULL OR scope = 'SYSTEMIC'),
  CONSTRAINT ck_problems_sources CHECK (jsonb_array_length(sources) >= 1)
);
CREATE UNIQUE INDEX uq_problems_open_finding ON problems (object_type, object_ref, kind)
  WHERE NOT finished;
CREATE INDEX ix_problems_county ON problems
  (county_code, finished, coalesce(due_on, DATE '9999-12-31'), id);
CREATE INDEX ix_problems_department ON problems
  (county_code, lead_dept, finished, coalesce(due_on, DATE '9999-12-31'), id);
CREATE INDEX ix_problems_village ON problems
  (village_code, finished, coalesce(due_on, DATE '9999-12-31'), id);
CREATE INDEX ix_problems_campaign ON problems
  (campaign_id, finished, coalesce(due_on, DATE '9999-12-31'), id);
CREATE INDEX ix_problems_due ON problems (finished, coalesce(due_on, DATE '9999-12-31'), id);
CREATE INDEX ix_problems_unverified ON problems (object_ref) WHERE object_unverified
"""


def upgrade() -> None:
    """Create inspection's own tables."""
    for script in (REFERENCE, LEDGER, PROBLEMS):
        run_script(script)
