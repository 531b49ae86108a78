"""Feedback to petitioners."""

from shared.migrate import run_script

revision = "0010"
down_revision = "0009"

FEEDBACK = """
CREATE TABLE petition_feedback (
  feedback_id uuid CONSTRAINT pk_petition_feedback PRIMARY KEY,
  petition_no varchar NOT NULL,
  org         text COLLATE "C" NOT NULL,
  result      varchar NOT NULL,
  contact_id  uuid NOT NULL,
  sending_id  uuid NOT NULL,
  state       varchar NOT NULL,
  reason      varchar,
  created_at  timestamptz NOT NULL,
  ended_at    timestamptz,
  CONSTRAINT ck_petition_feedback_state CHECK (state IN ('PENDING', 'DELIVERED', 'FAILED'))
);
CREATE INDEX petition_feedback_of_org ON petition_feedback (org, feedback_id);
CREATE INDEX petition_feedback_pending ON petition_feedback (sending_id) WHERE state = 'PENDING';
"""


def upgrade() -> None:
    """Create the table."""
    run_script(FEEDBACK)
