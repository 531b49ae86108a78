"""Stages of campaigns: coverage, duties, stamps, reports, samplings."""

from shared.migrate import run_script

revision = "0005"
down_revision = "0004"

# Version 0 lets the owner's next snapshot of a known household fill in what was not kept before.
MIRROR = """
ALTER TABLE household_mirror ADD COLUMN exit_year integer;
UPDATE household_mirror SET version = 0;
CREATE INDEX ix_household_mirror_village_code ON household_mirror (village_code, household_id);
ALTER TABLE regions ADD COLUMN kind varchar
"""

CAMPAIGNS = """
ALTER TABLE campaigns
  ADD COLUMN contents   text[] NOT NULL DEFAULT '{}',
  ADD COLUMN base_date  date,
  ADD COLUMN since_year integer,
  ADD COLUMN course     jsonb NOT NULL DEFAULT '[]'
"""

# The key of checks begins with what tells most rows apart: coverage asks for each object by itself.
STAGES = """
CREATE TABLE campaign_checks (
  object_ref   text COLLATE "C" NOT NULL,
  campaign_id  uuid NOT NULL,
  stage        varchar NOT NULL,
  object_type  varchar NOT NULL,
  team         varchar NOT NULL,
  checked_on   date NOT NULL,
  village_code text COLLATE "C" NOT NULL,
  result       varchar NOT NULL,
  problem_id   uuid,
  person       varchar NOT NULL,
  organisation varchar NOT NULL,
  recorded_at  timestamptz NOT NULL,
  CONSTRAINT pk_campaign_checks
    PRIMARY KEY (object_ref, campaign_id, stage, object_type, team, checked_on)
);

CREATE TABLE campaign_duties (
  campaign_id uuid NOT NULL,
  department  varchar NOT NULL,
  text        varchar NOT NULL,
  submissions jsonb NOT NULL,
  CONSTRAINT pk_campaign_duties PRIMARY KEY (campaign_id, department)
);

CREATE TABLE ledger_stamps (
  id           uuid CONSTRAINT pk_ledger_stamps PRIMARY KEY,
  campaign_id  uuid NOT NULL,
  department   varchar NOT NULL,
  found        integer NOT NULL,
  "open"       integer NOT NULL,
  stamp_no     varchar NOT NULL,
  signed_by    varchar NOT NULL,
  person       varchar NOT NULL,
  organisation varchar NOT NULL,
  confirmed_at timestamptz NOT NULL
);
CREATE INDEX ix_ledger_stamps_campaign_id ON ledger_stamps (campaign_id, department, id);

CREATE TABLE campaign_samplings (
  id                   uuid CONSTRAINT pk_campaign_samplings PRIMARY KEY,
  campaign_id          uuid NOT NULL,
  target_region        text COLLATE "C" NOT NULL,
  zone_kind            varchar NOT NULL,
  seed                 jsonb NOT NULL,
  quotas               varchar,
  households           uuid[] NOT NULL,
  villages             text[] NOT NULL,
  household_population integer NOT NULL,
  village_population   integer NOT NULL,
  shares               jsonb NOT NULL,
  person               varchar NOT NULL,
  organisation         varchar NOT NULL,
  drawn_at             timestamptz NOT NULL
);
CREATE INDEX ix_campaign_samplings_campaign_id ON campaign_samplings (campaign_id, id);

CREATE TABLE campaign_reports (
  campaign_id uuid CONSTRAINT pk_campaign_reports PRIMARY KEY,
  figures     jsonb NOT NULL,
  drafted_by  varchar NOT NULL,
  drafted_at  timestamptz NOT NULL,
  signatures  jsonb NOT NULL,
  sent_by     varchar,
  sent_at     timestamptz
)
"""


def upgrade() -> None:
    """Create the tables of stages, and what the mirrors and campaigns keep for them."""
    for script in (MIRROR, CAMPAIGNS, STAGES):
        run_script(script)
