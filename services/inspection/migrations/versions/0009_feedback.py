"""Feedback trees and deliveries of lists."""

from shared.migrate import run_script

revision = "0009"
down_revision = "0008"

FEEDBACK = """
CREATE TABLE feedbacks (
  id          uuid CONSTRAINT pk_feedbacks PRIMARY KEY,
  name        varchar NOT NULL,
  source      varchar NOT NULL,
  region_code text COLLATE "C" NOT NULL,
  campaign_id uuid,
  received_on date NOT NULL,
  aspects     jsonb NOT NULL,
  created_by  varchar NOT NULL,
  created_at  timestamptz NOT NULL
);
CREATE INDEX ix_feedbacks_region_code ON feedbacks (region_code, id);

CREATE TABLE feedback_items (
  id          uuid CONSTRAINT pk_feedback_items PRIMARY KEY,
  feedback_id uuid NOT NULL,
  aspect_no   integer NOT NULL,
  no          integer NOT NULL,
  text        varchar NOT NULL,
  units       text[] NOT NULL,
  CONSTRAINT uq_feedback_items_no UNIQUE (feedback_id, aspect_no, no)
);

CREATE TABLE feedback_claims (
  item_id    uuid NOT NULL,
  department varchar NOT NULL,
  claimed_by varchar NOT NULL,
  claimed_at timestamptz NOT NULL,
  CONSTRAINT pk_feedback_claims PRIMARY KEY (item_id, department)
);

CREATE TABLE feedback_links (
  feedback_id uuid NOT NULL,
  problem_id  uuid NOT NULL,
  item_id     uuid NOT NULL,
  linked_by   varchar NOT NULL,
  linked_at   timestamptz NOT NULL,
  CONSTRAINT pk_feedback_links PRIMARY KEY (feedback_id, problem_id)
)
"""

DELIVERIES = """
CREATE TABLE list_deliveries (
  id            uuid CONSTRAINT pk_list_deliveries PRIMARY KEY,
  campaign_id   uuid NOT NULL,
  list          varchar NOT NULL,
  region_code   text COLLATE "C" NOT NULL,
  addressee     varchar NOT NULL,
  due_on        date NOT NULL,
  count         integer NOT NULL,
  sha256        varchar NOT NULL,
  delivered_by  varchar NOT NULL,
  delivered_for varchar NOT NULL,
  delivered_at  timestamptz NOT NULL,
  received_by   varchar,
  receipted_by  varchar,
  received_at   timestamptz
);
CREATE INDEX ix_list_deliveries_region_code ON list_deliveries (region_code, id);
CREATE INDEX ix_list_deliveries_campaign_id ON list_deliveries (campaign_id, id)
"""


def upgrade() -> None:
    """Create the tables of feedback and of deliveries."""
    for script in (FEEDBACK, DELIVERIES):
        run_script(script)
