"""Mirrors, queues, reminders."""

from shared.migrate import run_script

revision = "0002"
down_revision = "0001"

NOTIFY = """
CREATE TABLE regions (
  code    text COLLATE "C" CONSTRAINT pk_regions PRIMARY KEY,
  name    varchar NOT NULL,
  version bigint NOT NULL
);

CREATE TABLE problems (
  problem_id   uuid CONSTRAINT pk_problems PRIMARY KEY,
  problem_no   varchar NOT NULL,
  kind         varchar NOT NULL,
  tier         varchar NOT NULL,
  severity     varchar NOT NULL,
  state        varchar NOT NULL,
  lead         varchar NOT NULL,
  partners     text[] NOT NULL,
  village_code text COLLATE "C" NOT NULL,
  due_on       date,
  dispatched   boolean NOT NULL,
  version      bigint NOT NULL
);

CREATE TABLE happenings (
  event_id   uuid CONSTRAINT pk_happenings PRIMARY KEY,
  event_type varchar NOT NULL,
  at         timestamptz NOT NULL,
  data       json NOT NULL
);

CREATE TABLE messages (
  message_id      uuid CONSTRAINT pk_messages PRIMARY KEY,
  event_id        uuid NOT NULL,
  org             text COLLATE "C" NOT NULL,
  problem_id      uuid NOT NULL,
  purpose         varchar NOT NULL,
  information     boolean NOT NULL,
  priority        smallint NOT NULL,
  position        bigint GENERATED ALWAYS AS IDENTITY,
  state           varchar NOT NULL DEFAULT 'QUEUED',
  delivery_count  integer NOT NULL DEFAULT 0,
  leased_until    timestamptz,
  lease_simulated boolean NOT NULL DEFAULT false,
  final_delivery  boolean NOT NULL DEFAULT false,
  event_sequence  bigint NOT NULL DEFAULT 0,
  CONSTRAINT uq_messages_event_id_org UNIQUE (event_id, org),
  CONSTRAINT ck_messages_state
    CHECK (state IN ('QUEUED', 'LEASED', 'ACKED', 'DEAD', 'CANCELLED')),
  CONSTRAINT ck_messages_lease CHECK ((state = 'LEASED') <= (leased_until IS NOT NULL))
);
CREATE INDEX messages_queued ON messages (org, priority DESC, position) WHERE state = 'QUEUED';
CREATE INDEX messages_leased ON messages (org, leased_until) WHERE state = 'LEASED';
CREATE INDEX messages_failing ON messages (leased_until) WHERE state = 'LEASED' AND final_delivery;
CREATE INDEX messages_dead ON messages (message_id) WHERE state = 'DEAD';
CREATE INDEX messages_of_problem ON messages (problem_id, org, position);
-- A queue's head is full of rows that have just left it; a scan must not meet their remains.
ALTER TABLE messages SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000,
                          autovacuum_vacuum_cost_delay = 0);

CREATE TABLE reminders (
  problem_id uuid NOT NULL,
  due_on     date NOT NULL,
  kind       varchar NOT NULL,
  remind_on  date NOT NULL,
  level      smallint,
  remind_at  timestamptz,
  org        text COLLATE "C" NOT NULL,
  state      varchar NOT NULL,
  CONSTRAINT pk_reminders PRIMARY KEY (problem_id, due_on, kind, remind_on),
  CONSTRAINT ck_reminders_kind CHECK (kind IN ('PRE_DUE', 'DUE', 'OVERDUE')),
  CONSTRAINT ck_reminders_state CHECK (state IN ('PLANNED', 'SENT', 'CANCELLED')),
  CONSTRAINT ck_reminders_level CHECK ((kind = 'OVERDUE') = (level IS NOT NULL)),
  CONSTRAINT ck_reminders_at CHECK ((kind = 'OVERDUE') = (remind_at IS NULL))
);
"""


def upgrade() -> None:
    """Create the tables of notify."""
    run_script(NOTIFY)
