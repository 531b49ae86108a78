"""What persons have read: messages and broadcasts."""

from shared.migrate import run_script

revision = "0008"
down_revision = "0007"

INBOX = """
-- An inbox is read newest first.
CREATE INDEX messages_of_org ON messages (org, position);

CREATE TABLE read_marks (
  person     varchar NOT NULL,
  org        text COLLATE "C" NOT NULL,
  message_id uuid NOT NULL,
  read_at    timestamptz NOT NULL,
  CONSTRAINT pk_read_marks PRIMARY KEY (person, org, message_id)
);

CREATE TABLE broadcasts (
  broadcast_id   uuid CONSTRAINT pk_broadcasts PRIMARY KEY,
  region_code    text COLLATE "C" NOT NULL,
  roles          text[] NOT NULL,
  title          varchar NOT NULL,
  text           varchar NOT NULL,
  read_by        date NOT NULL,
  priority       smallint NOT NULL,
  issued_by      text COLLATE "C" NOT NULL,
  organisations  text[] NOT NULL,
  issued_at      timestamptz NOT NULL,
  state          varchar NOT NULL,
  withdrawn_at   timestamptz,
  unread_told_at timestamptz,
  event_sequence bigint NOT NULL,
  CONSTRAINT ck_broadcasts_state CHECK (state IN ('ISSUED', 'WITHDRAWN')),
  CONSTRAINT ck_broadcasts_withdrawn CHECK ((state = 'WITHDRAWN') = (withdrawn_at IS NOT NULL))
);
CREATE INDEX broadcasts_of_issuer ON broadcasts (issued_by, broadcast_id);

CREATE TABLE broadcast_recipients (
  broadcast_id uuid NOT NULL,
  org          text COLLATE "C" NOT NULL,
  person       varchar NOT NULL,
  label        varchar NOT NULL,
  read_at      timestamptz,
  CONSTRAINT pk_broadcast_recipients PRIMARY KEY (broadcast_id, org, person)
);
CREATE INDEX broadcast_recipients_of_person ON broadcast_recipients (person, org, broadcast_id);
"""


def upgrade() -> None:
    """Create the tables."""
    run_script(INBOX)
