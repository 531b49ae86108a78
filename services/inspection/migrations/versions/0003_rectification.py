"""Rectification: what moving, disputing, verifying and reopening problems leaves behind."""

from shared.migrate import run_script

revision = "0003"
down_revision = "0002"

PROBLEMS = """
ALTER TABLE problems
  ADD COLUMN state_since        timestamptz,
  ADD COLUMN recurrence         integer NOT NULL DEFAULT 0,
  ADD COLUMN recurs             uuid,
  ADD COLUMN executing_org      varchar,
  ADD COLUMN responsible_person varchar,
  ADD COLUMN plan_deadline      date,
  ADD COLUMN attempt            integer NOT NULL DEFAULT 0,
  ADD COLUMN progress_pct       integer,
  ADD COLUMN progressed_on      date;
UPDATE problems SET state_since = logged_at;
ALTER TABLE problems
  ALTER COLUMN state_since SET NOT NULL,
  ALTER COLUMN recurrence DROP DEFAULT,
  ALTER COLUMN attempt DROP DEFAULT;
CREATE INDEX ix_problems_closed_finding ON problems (object_type, object_ref, kind, closed_on)
  WHERE state = 'CLOSED';

CREATE TABLE problem_stays (
  id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_problem_stays PRIMARY KEY,
  problem_id   uuid NOT NULL,
  state        varchar NOT NULL,
  entered_at   timestamptz NOT NULL,
  left_at      timestamptz NOT NULL,
  county_code  text COLLATE "C" NOT NULL,
  village_code text COLLATE "C" NOT NULL,
  lead_dept    varchar NOT NULL,
  kind         varchar NOT NULL,
  campaign_id  uuid
);
CREATE INDEX ix_problem_stays_problem_id ON problem_stays (problem_id);
CREATE INDEX ix_problem_stays_county_code ON problem_stays (county_code, left_at)
"""

ACCOUNTABILITY = """
CREATE TABLE accountability_cases (
  id             uuid CONSTRAINT pk_accountability_cases PRIMARY KEY,
  cause          varchar NOT NULL,
  proposal       varchar NOT NULL,
  county_code    text COLLATE "C" NOT NULL,
  village_code   text COLLATE "C" NOT NULL,
  campaign_id    uuid,
  kind           varchar NOT NULL,
  lead_dept      varchar NOT NULL,
  problem_ids    uuid[] NOT NULL,
  subjects       jsonb NOT NULL,
  finding        varchar NOT NULL,
  state          varchar NOT NULL,
  opened_at      timestamptz NOT NULL,
  opened_by      varchar NOT NULL,
  version        integer NOT NULL,
  event_sequence bigint NOT NULL
);
CREATE INDEX ix_accountability_cases_county_code ON accountability_cases (county_code, id);
CREATE INDEX ix_accountability_cases_campaign_id ON accountability_cases (campaign_id, id)
"""

DISPUTES = """
CREATE TABLE disputes (
  id            uuid CONSTRAINT pk_disputes PRIMARY KEY,
  problem_id    uuid NOT NULL,
  county_code   text COLLATE "C" NOT NULL,
  department    varchar NOT NULL,
  proposed_dept varchar NOT NULL,
  clause        varchar NOT NULL,
  raised_by     varchar NOT NULL,
  raised_at     timestamptz NOT NULL,
  ruled_dept    varchar,
  ruled_by      varchar,
  ruled_at      timestamptz
);
CREATE UNIQUE INDEX uq_disputes_unruled ON disputes (problem_id) WHERE ruled_at IS NULL;
CREATE INDEX ix_disputes_problem_id ON disputes (problem_id, id)
"""

CLOSING = """
CREATE TABLE verifications (
  id           uuid CONSTRAINT pk_verifications PRIMARY KEY,
  problem_id   uuid NOT NULL,
  attempt      integer NOT NULL,
  level        integer NOT NULL,
  body         varchar NOT NULL,
  passed       boolean NOT NULL,
  false_report boolean NOT NULL,
  batch_id     uuid,
  text         varchar,
  evidence     jsonb NOT NULL,
  person       varchar NOT NULL,
  organisation varchar NOT NULL,
  at           timestamptz NOT NULL
);
CREATE INDEX ix_verifications_problem_id ON verifications (problem_id, attempt, id);

CREATE TABLE spot_check_batches (
  id             uuid CONSTRAINT pk_spot_check_batches PRIMARY KEY,
  county_code    text COLLATE "C" NOT NULL,
  township_code  text COLLATE "C" NOT NULL,
  lead_dept      varchar NOT NULL,
  seed           varchar NOT NULL,
  share_pct      numeric(5, 2) NOT NULL,
  state          varchar NOT NULL,
  drawn_by       varchar NOT NULL,
  drawn_at       timestamptz NOT NULL,
  settled_at     timestamptz,
  version        integer NOT NULL
);
CREATE INDEX ix_spot_check_batches_county_code ON spot_check_batches (county_code, id);

CREATE TABLE spot_check_members (
  batch_id   uuid NOT NULL,
  problem_id uuid NOT NULL,
  sampled    boolean NOT NULL,
  result     varchar,
  settled    boolean NOT NULL,
  CONSTRAINT pk_spot_check_members PRIMARY KEY (batch_id, problem_id)
);
CREATE UNIQUE INDEX uq_spot_check_members_open ON spot_check_members (problem_id)
  WHERE NOT settled;

CREATE TABLE standing_mechanisms (
  problem_id   uuid CONSTRAINT pk_standing_mechanisms PRIMARY KEY,
  root_cause   varchar NOT NULL,
  measures     varchar NOT NULL,
  mechanism    varchar NOT NULL,
  review_dates date[] NOT NULL,
  recorded_by  varchar NOT NULL,
  recorded_at  timestamptz NOT NULL
)
"""


def upgrade() -> None:
    """Create the tables of rectification."""
    for script in (PROBLEMS, ACCOUNTABILITY, DISPUTES, CLOSING):
        run_script(script)
