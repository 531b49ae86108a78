"""The contact book, and what is to be sent by its channels."""

from shared.migrate import run_script

revision = "0005"
down_revision = "0004"

CONTACTS = """
CREATE TABLE contacts (
  contact_id     uuid CONSTRAINT pk_contacts PRIMARY KEY,
  org            text COLLATE "C" NOT NULL,
  roles          text[] NOT NULL,
  person         varchar,
  label          varchar NOT NULL,
  channel        varchar NOT NULL,
  address_sealed varchar NOT NULL,
  address_shown  varchar NOT NULL,
  copies         boolean NOT NULL,
  state          varchar NOT NULL,
  created_at     timestamptz NOT NULL,
  version        integer NOT NULL,
  region         text COLLATE "C" GENERATED ALWAYS AS (split_part(org, '@', 2)) STORED,
  CONSTRAINT ck_contacts_channel CHECK
    (channel IN ('WECOM', 'DINGTALK', 'FEISHU', 'SMS', 'EMAIL', 'APPRISE', 'DRY_RUN')),
  CONSTRAINT ck_contacts_state CHECK (state IN ('ACTIVE', 'ONE_OFF', 'REMOVED'))
);
CREATE INDEX contacts_of_org ON contacts (org) WHERE state = 'ACTIVE';
CREATE INDEX contacts_of_region ON contacts (region) WHERE state = 'ACTIVE';

CREATE TABLE sendings (
  sending_id uuid CONSTRAINT pk_sendings PRIMARY KEY DEFAULT gen_random_uuid(),
  contact_id uuid NOT NULL,
  message_id uuid,
  content    json,
  priority   smallint NOT NULL,
  state      varchar NOT NULL DEFAULT 'PENDING',
  reason     varchar,
  attempts   integer NOT NULL DEFAULT 0,
  simulated  boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL,
  next_at    timestamptz NOT NULL,
  sent_at    timestamptz,
  kept       varchar,
  CONSTRAINT ck_sendings_state CHECK (state IN ('PENDING', 'SENT', 'SKIPPED', 'FAILED')),
  CONSTRAINT ck_sendings_content CHECK ((message_id IS NULL) = (content IS NOT NULL))
);
CREATE INDEX sendings_pending ON sendings (next_at) WHERE state = 'PENDING';
CREATE INDEX sendings_waiting ON sendings (contact_id, next_at) WHERE state = 'PENDING';
CREATE INDEX sendings_of_message ON sendings (message_id);
CREATE INDEX sendings_of_contact ON sendings (contact_id, created_at);
CREATE INDEX sendings_by_time ON sendings (created_at, sending_id);

CREATE TABLE sending_lanes (
  contact_id uuid CONSTRAINT pk_sending_lanes PRIMARY KEY,
  busy_until timestamptz,
  sent_at    timestamptz[] NOT NULL DEFAULT '{}'
);
"""


def upgrade() -> None:
    """Create the tables."""
    run_script(CONTACTS)
