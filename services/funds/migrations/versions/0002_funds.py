"""Mirrors, allocations, treasury statements, progress."""

from shared.migrate import run_script

revision = "0002"
down_revision = "0001"

FUNDS = """
CREATE TABLE regions (
  code     text COLLATE "C" CONSTRAINT pk_regions PRIMARY KEY,
  name     varchar NOT NULL,
  valid_to date,
  version  bigint NOT NULL
);

CREATE TABLE household_mirror (
  household_id            uuid CONSTRAINT pk_household_mirror PRIMARY KEY,
  household_no            varchar NOT NULL,
  village_code            text COLLATE "C" NOT NULL,
  archive_status          varchar NOT NULL,
  household_class         varchar,
  elder_left_in_old_house boolean NOT NULL,
  active                  boolean NOT NULL,
  version                 integer NOT NULL
);
CREATE INDEX ix_household_mirror_village_code ON household_mirror (village_code);

CREATE TABLE allocations (
  id             uuid CONSTRAINT pk_allocations PRIMARY KEY,
  region_code    text COLLATE "C" NOT NULL,
  year           integer NOT NULL,
  source         varchar NOT NULL,
  task           varchar,
  amount         numeric(18, 2) NOT NULL,
  paid           numeric(18, 2) NOT NULL,
  doc_no         varchar NOT NULL,
  received_on    date NOT NULL,
  state          varchar NOT NULL,
  channel        varchar,
  published_on   date,
  version        integer NOT NULL,
  event_sequence bigint NOT NULL,
  CONSTRAINT ck_allocations_amount CHECK (amount > 0),
  CONSTRAINT ck_allocations_paid CHECK (paid BETWEEN 0 AND amount),
  CONSTRAINT ck_allocations_paid_after_publishing CHECK (paid = 0 OR published_on IS NOT NULL),
  CONSTRAINT ck_allocations_published CHECK ((state = 'RECEIVED') = (published_on IS NULL)),
  CONSTRAINT uq_allocations_region_code_year_source_task_doc_no_amount
    UNIQUE NULLS NOT DISTINCT (region_code, year, source, task, doc_no, amount)
);

CREATE TABLE treasury_statements (
  id          uuid CONSTRAINT pk_treasury_statements PRIMARY KEY,
  region_code text COLLATE "C" NOT NULL,
  year        integer NOT NULL,
  as_of       date NOT NULL,
  version     integer NOT NULL,
  available   numeric(18, 2) NOT NULL,
  paid        numeric(18, 2) NOT NULL,
  reason      varchar,
  recorded_by varchar NOT NULL,
  recorded_at timestamptz NOT NULL,
  CONSTRAINT ck_treasury_statements_paid CHECK (paid BETWEEN 0 AND available),
  CONSTRAINT ck_treasury_statements_reason CHECK ((version = 1) = (reason IS NULL)),
  CONSTRAINT uq_treasury_statements_region_code_year_as_of_version
    UNIQUE (region_code, year, as_of, version)
);

CREATE TABLE progress_figures (
  region_code    text COLLATE "C" NOT NULL,
  year           integer NOT NULL,
  as_of          date NOT NULL,
  available      numeric(18, 2) NOT NULL,
  paid           numeric(18, 2) NOT NULL,
  target_pct     numeric(5, 2),
  rank           integer,
  event_sequence bigint NOT NULL,
  CONSTRAINT pk_progress_figures PRIMARY KEY (region_code, year)
);
"""


def upgrade() -> None:
    """Create the tables of funds."""
    run_script(FUNDS)
