"""Webhooks: their secrets, lanes and attempts."""

from shared.migrate import run_script

revision = "0007"
down_revision = "0006"

WEBHOOKS = """
CREATE TABLE webhook_secrets (
  secret_id       uuid CONSTRAINT pk_webhook_secrets PRIMARY KEY,
  subscription_id uuid NOT NULL,
  sealed          varchar NOT NULL,
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz
);
CREATE INDEX webhook_secrets_of_subscription ON webhook_secrets (subscription_id);

CREATE TABLE webhook_lanes (
  subscription_id uuid CONSTRAINT pk_webhook_lanes PRIMARY KEY,
  holder          uuid,
  leased_until    timestamptz,
  failures        integer NOT NULL DEFAULT 0,
  failing_since   timestamptz,
  probes          integer NOT NULL DEFAULT 0,
  not_before      timestamptz,
  CONSTRAINT ck_webhook_lanes_lease CHECK ((holder IS NULL) OR (leased_until IS NOT NULL)),
  CONSTRAINT ck_webhook_lanes_failing CHECK ((failures = 0) = (failing_since IS NULL))
);

CREATE TABLE webhook_attempts (
  attempt_id      bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_webhook_attempts PRIMARY KEY,
  subscription_id uuid NOT NULL,
  position        bigint NOT NULL,
  attempt         integer NOT NULL,
  at              timestamptz NOT NULL,
  status          smallint,
  error           varchar,
  duration_ms     integer NOT NULL,
  excerpt         varchar,
  CONSTRAINT ck_webhook_attempts_outcome CHECK ((status IS NULL) = (error IS NOT NULL))
);
CREATE INDEX webhook_attempts_of_delivery
    ON webhook_attempts (subscription_id, position, attempt_id);
CREATE INDEX webhook_attempts_age ON webhook_attempts (at);
"""


def upgrade() -> None:
    """Create the tables."""
    run_script(WEBHOOKS)
