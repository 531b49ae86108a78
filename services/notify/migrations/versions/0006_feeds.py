"""Subscriptions, their versions, and what each of them has recorded."""

from shared.migrate import run_script

revision = "0006"
down_revision = "0005"

FEEDS = """
CREATE TABLE subscriptions (
  subscription_id uuid CONSTRAINT pk_subscriptions PRIMARY KEY,
  org             text COLLATE "C" NOT NULL,
  channel         varchar NOT NULL,
  target          varchar,
  filters         json NOT NULL,
  state           varchar NOT NULL,
  reason          varchar,
  created_at      timestamptz NOT NULL,
  changed_at      timestamptz NOT NULL,
  event_sequence  bigint NOT NULL,
  last_position   bigint NOT NULL,
  CONSTRAINT ck_subscriptions_channel CHECK (channel IN ('QUEUE', 'SSE', 'WEBHOOK', 'KAFKA')),
  CONSTRAINT ck_subscriptions_state CHECK (state IN ('ACTIVE', 'PAUSED', 'SUSPENDED', 'DELETED'))
);
CREATE INDEX subscriptions_of_org ON subscriptions (org) WHERE state <> 'DELETED';
CREATE INDEX subscriptions_of_region ON subscriptions (split_part(org, '@', 2));

CREATE TABLE subscription_versions (
  subscription_id uuid NOT NULL,
  version         bigint NOT NULL,
  valid_from      timestamptz NOT NULL,
  state           varchar NOT NULL,
  filters         json NOT NULL,
  CONSTRAINT pk_subscription_versions PRIMARY KEY (subscription_id, version)
);

CREATE TABLE deliveries (
  subscription_id uuid NOT NULL,
  position        bigint NOT NULL,
  event_id        uuid NOT NULL,
  problem_id      uuid,
  state           varchar NOT NULL,
  attempts        integer NOT NULL DEFAULT 0,
  recorded_at     timestamptz NOT NULL,
  next_at         timestamptz,
  settled_at      timestamptz,
  CONSTRAINT pk_deliveries PRIMARY KEY (subscription_id, position),
  CONSTRAINT uq_deliveries_subscription_id_event_id UNIQUE (subscription_id, event_id),
  CONSTRAINT ck_deliveries_state CHECK (state IN ('RECORDED', 'PENDING', 'DELIVERED', 'DEAD')),
  CONSTRAINT ck_deliveries_next CHECK ((state = 'PENDING') <= (next_at IS NOT NULL))
);
CREATE INDEX deliveries_due ON deliveries (subscription_id, next_at, position)
 WHERE state = 'PENDING';
CREATE INDEX deliveries_dead ON deliveries (subscription_id, position) WHERE state = 'DEAD';
CREATE INDEX deliveries_of_problem ON deliveries (subscription_id, problem_id, position);
CREATE INDEX deliveries_recorded ON deliveries (recorded_at);
ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.01,
                            autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
"""


def upgrade() -> None:
    """Create the tables."""
    run_script(FEEDS)
