"""Problems that no policy pays for."""

from shared.migrate import run_script

revision = "0003"
down_revision = "0002"

POLICY_GAPS = """
CREATE TABLE policy_gaps (
  problem_id       uuid CONSTRAINT pk_policy_gaps PRIMARY KEY,
  problem_no       varchar NOT NULL,
  kind             varchar NOT NULL,
  village_code     text COLLATE "C" NOT NULL,
  lead_dept        varchar NOT NULL,
  need             varchar NOT NULL,
  needed           numeric(18, 2),
  found_at         timestamptz NOT NULL,
  state            varchar NOT NULL,
  source           varchar,
  amount           numeric(18, 2),
  doc_no           varchar,
  arranged_by      varchar,
  arranged_at      timestamptz,
  problem_sequence bigint NOT NULL,
  version          integer NOT NULL,
  event_sequence   bigint NOT NULL,
  CONSTRAINT ck_policy_gaps_state CHECK (state IN ('OPEN', 'ARRANGED', 'ENDED')),
  CONSTRAINT ck_policy_gaps_amount CHECK (amount > 0),
  CONSTRAINT ck_policy_gaps_arranged
    CHECK (num_nonnulls(source, amount, doc_no, arranged_by, arranged_at)
           = CASE WHEN state = 'ARRANGED' THEN 5 ELSE 0 END)
);
CREATE INDEX ix_policy_gaps_village_code ON policy_gaps (village_code);
"""


def upgrade() -> None:
    """Create the list of needs."""
    run_script(POLICY_GAPS)
