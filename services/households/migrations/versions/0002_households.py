"""Regions, standards, households, members, visits, and the copy of inspection's problems."""

from shared.migrate import run_script

revision = "0002"
down_revision = "0001"

HOUSEHOLDS = """
CREATE TABLE regions (
  code             text COLLATE "C" NOT NULL,
  valid_from       date NOT NULL,
  valid_to         date,
  name             varchar NOT NULL,
  level            varchar NOT NULL,
  parent           text COLLATE "C",
  kind             varchar,
  admin_zone       boolean NOT NULL,
  longitude        double precision,
  latitude         double precision,
  rural_population integer,
  event_sequence   bigint NOT NULL,
  CONSTRAINT pk_regions PRIMARY KEY (code, valid_from),
  CONSTRAINT ck_regions_period CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX uq_regions_present ON regions (code) WHERE valid_to IS NULL;
CREATE INDEX ix_regions_parent ON regions (parent);

CREATE TABLE standards (
  region            text COLLATE "C" NOT NULL,
  year              integer NOT NULL,
  poverty_line      numeric(18, 2),
  monitor_line      numeric(18, 2),
  income_basis      varchar,
  exit_compare      varchar,
  household_profile varchar,
  village_profile   varchar,
  sudden_drop_pct   numeric(5, 2),
  rigid_ratio_pct   numeric(5, 2),
  period_start      date,
  period_end        date,
  set_by            varchar NOT NULL,
  set_at            timestamptz NOT NULL,
  version           integer NOT NULL,
  CONSTRAINT pk_standards PRIMARY KEY (region, year)
);

CREATE TABLE problems (
  problem_id   uuid CONSTRAINT pk_problems PRIMARY KEY,
  problem_no   varchar NOT NULL,
  kind         varchar NOT NULL,
  severity     varchar NOT NULL,
  object_type  varchar NOT NULL,
  object_ref   varchar NOT NULL,
  village_code text COLLATE "C" NOT NULL,
  is_open      boolean NOT NULL,
  sequence     bigint NOT NULL
);
CREATE INDEX ix_problems_open ON problems (object_type, object_ref) WHERE is_open;

CREATE TABLE households (
  id                      uuid CONSTRAINT pk_households PRIMARY KEY,
  household_no            text COLLATE "C" NOT NULL,
  village_code            text COLLATE "C" NOT NULL,
  group_name              varchar,
  attribute               varchar,
  archive_status          varchar NOT NULL,
  household_class         varchar,
  cohort                  varchar NOT NULL,
  cause_main              varchar,
  causes_other            jsonb NOT NULL,
  identified_on           date,
  exit_year               integer,
  tags                    jsonb NOT NULL,
  elder_left_in_old_house boolean NOT NULL,
  helper_id               varchar,
  phone_sealed            varchar,
  bank_code               varchar,
  account_sealed          varchar,
  kit                     jsonb NOT NULL,
  version                 integer NOT NULL,
  event_sequence          bigint NOT NULL,
  recorded_at             timestamptz NOT NULL,
  recorded_by             varchar NOT NULL,
  change_reason           varchar,
  source_document         varchar,
  CONSTRAINT uq_households_household_no UNIQUE (household_no),
  CONSTRAINT ck_households_household_no CHECK (household_no ~ '^[0-9]{17}$')
);
CREATE INDEX ix_households_village_code ON households (village_code, household_no);

CREATE TABLE members (
  id                     uuid CONSTRAINT pk_members PRIMARY KEY,
  household_id           uuid NOT NULL CONSTRAINT fk_members_household_id REFERENCES households,
  position               smallint NOT NULL,
  name                   varchar NOT NULL,
  sex                    varchar NOT NULL,
  id_no_sealed           varchar,
  id_no_index            bytea,
  birth_date             date NOT NULL,
  relation               varchar NOT NULL,
  nation                 varchar,
  education              varchar,
  student_status         varchar,
  health                 varchar,
  labour                 varchar,
  insured                jsonb NOT NULL,
  enrolled               boolean,
  home_teaching          boolean NOT NULL,
  chronic                boolean NOT NULL,
  diseases_sealed        varchar,
  doctor_signed          boolean,
  disability_category    smallint,
  disability_level       smallint,
  disability_cert_sealed varchar,
  work_place             varchar,
  work_months            smallint,
  left_school_early      boolean NOT NULL,
  effective_from         date NOT NULL,
  effective_to           date,
  reason_in              varchar NOT NULL,
  reason_out             varchar,
  CONSTRAINT ck_members_time CHECK (effective_to >= effective_from),
  CONSTRAINT ck_members_id_no CHECK ((id_no_sealed IS NULL) = (id_no_index IS NULL)),
  CONSTRAINT ck_members_left CHECK ((effective_to IS NULL) = (reason_out IS NULL))
);
CREATE INDEX ix_members_household_id ON members (household_id);
CREATE INDEX ix_members_name ON members (name) WHERE effective_to IS NULL;
CREATE UNIQUE INDEX uq_members_present_id_no ON members (id_no_index) WHERE effective_to IS NULL;

CREATE TABLE household_versions (
  household_id  uuid NOT NULL,
  version       integer NOT NULL,
  recorded_from timestamptz NOT NULL,
  recorded_to   timestamptz NOT NULL,
  household     jsonb NOT NULL,
  members       jsonb NOT NULL,
  CONSTRAINT pk_household_versions PRIMARY KEY (household_id, version)
);

CREATE TABLE household_numbers (
  village_code text COLLATE "C" CONSTRAINT pk_household_numbers PRIMARY KEY,
  last         integer NOT NULL
);

CREATE TABLE visits (
  id                   uuid CONSTRAINT pk_visits PRIMARY KEY,
  household_id         uuid NOT NULL CONSTRAINT fk_visits_household_id REFERENCES households,
  village_code         text COLLATE "C" NOT NULL,
  visited_on           date NOT NULL,
  visitor              varchar NOT NULL,
  visitor_organisation varchar NOT NULL,
  looks                jsonb NOT NULL,
  note                 varchar,
  recorded_by          varchar NOT NULL,
  recorded_at          timestamptz NOT NULL,
  event_sequence       bigint NOT NULL
);
CREATE INDEX ix_visits_household_id ON visits (household_id, visited_on, id);
"""


def upgrade() -> None:
    """Create the tables of households."""
    run_script(HOUSEHOLDS)
