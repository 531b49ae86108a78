"""Rhythm records, inspections, leaders' surveys, task calendar, assessment, responsibility."""

from shared.migrate import run_script

revision = "0006"
down_revision = "0005"

ROUTINE = """
CREATE TABLE responsibles (
  org            varchar NOT NULL,
  effective_from date NOT NULL,
  region_code    text COLLATE "C" NOT NULL,
  unit_head      varchar NOT NULL,
  deputy         varchar NOT NULL,
  county_leader  varchar NOT NULL,
  set_by         varchar NOT NULL,
  set_at         timestamptz NOT NULL,
  CONSTRAINT pk_responsibles PRIMARY KEY (org, effective_from)
);
CREATE INDEX ix_responsibles_region_code ON responsibles (region_code, org, effective_from);

CREATE TABLE rhythm_records (
  id          uuid CONSTRAINT pk_rhythm_records PRIMARY KEY,
  org         varchar NOT NULL,
  region_code text COLLATE "C" NOT NULL,
  kind        varchar NOT NULL,
  on_day      date NOT NULL,
  person      varchar NOT NULL,
  place       text COLLATE "C",
  text        varchar NOT NULL,
  problem_ids uuid[] NOT NULL,
  recorded_by varchar NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX ix_rhythm_records_region_code ON rhythm_records (region_code, on_day);

CREATE TABLE inspections (
  id           uuid CONSTRAINT pk_inspections PRIMARY KEY,
  planned_on   date NOT NULL,
  organiser    varchar NOT NULL,
  purpose      varchar NOT NULL,
  team         text[] NOT NULL,
  override     jsonb,
  state        varchar NOT NULL,
  org          varchar NOT NULL,
  scheduled_by varchar NOT NULL,
  scheduled_at timestamptz NOT NULL
);

CREATE TABLE inspection_villages (
  inspection_id uuid NOT NULL,
  village_code  text COLLATE "C" NOT NULL,
  planned_on    date NOT NULL,
  CONSTRAINT pk_inspection_villages PRIMARY KEY (inspection_id, village_code)
);
CREATE INDEX ix_inspection_villages_planned_on ON inspection_villages (village_code, planned_on);

CREATE TABLE leader_surveys (
  id          uuid CONSTRAINT pk_leader_surveys PRIMARY KEY,
  leader      varchar NOT NULL,
  level       varchar NOT NULL,
  area_code   text COLLATE "C" NOT NULL,
  on_day      date NOT NULL,
  unannounced boolean NOT NULL,
  found_text  varchar NOT NULL,
  problem_ids uuid[] NOT NULL,
  recorded_by varchar NOT NULL,
  recorded_at timestamptz NOT NULL
);

CREATE TABLE leader_survey_villages (
  survey_id    uuid NOT NULL,
  village_code text COLLATE "C" NOT NULL,
  on_day       date NOT NULL,
  CONSTRAINT pk_leader_survey_villages PRIMARY KEY (survey_id, village_code)
);
CREATE INDEX ix_leader_survey_villages_on_day ON leader_survey_villages (village_code, on_day);

CREATE TABLE task_calendars (
  id          uuid CONSTRAINT pk_task_calendars PRIMARY KEY,
  region_code text COLLATE "C" NOT NULL,
  year        integer NOT NULL,
  name        varchar NOT NULL,
  created_by  varchar NOT NULL,
  created_at  timestamptz NOT NULL
);
CREATE INDEX ix_task_calendars_region_code ON task_calendars (region_code, year);

CREATE TABLE calendar_tasks (
  id          uuid CONSTRAINT pk_calendar_tasks PRIMARY KEY,
  calendar_id uuid NOT NULL,
  title       varchar NOT NULL,
  phase       varchar NOT NULL,
  due         varchar NOT NULL,
  due_on      date NOT NULL,
  person      varchar NOT NULL,
  org         varchar,
  place       text COLLATE "C" NOT NULL,
  state       varchar NOT NULL,
  done_on     date,
  CONSTRAINT ck_calendar_tasks_done CHECK ((state = 'DONE') = (done_on IS NOT NULL))
);
CREATE INDEX ix_calendar_tasks_calendar_id ON calendar_tasks (calendar_id, due_on, id);

CREATE TABLE assessment_sheets (
  id             uuid CONSTRAINT pk_assessment_sheets PRIMARY KEY,
  region_code    text COLLATE "C" NOT NULL,
  year           integer NOT NULL,
  name           varchar NOT NULL,
  items          jsonb NOT NULL,
  scores         jsonb NOT NULL,
  key_indicators text[] NOT NULL,
  pass_pct       integer NOT NULL,
  created_by     varchar NOT NULL,
  created_at     timestamptz NOT NULL
);
CREATE INDEX ix_assessment_sheets_region_code ON assessment_sheets (region_code, year)
"""


def upgrade() -> None:
    """Create the tables."""
    run_script(ROUTINE)
