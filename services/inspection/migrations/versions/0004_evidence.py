"""Evidence files."""

from shared.migrate import run_script

revision = "0004"
down_revision = "0003"

EVIDENCE = """
CREATE TABLE evidence_files (
  id           uuid CONSTRAINT pk_evidence_files PRIMARY KEY,
  sha256       varchar NOT NULL,
  size         bigint NOT NULL,
  content_type varchar NOT NULL,
  file_name    varchar NOT NULL,
  village_code text COLLATE "C" NOT NULL,
  organisation varchar NOT NULL,
  uploaded_by  varchar NOT NULL,
  scan         varchar NOT NULL,
  created_at   timestamptz NOT NULL,
  CONSTRAINT uq_evidence_files_organisation UNIQUE (organisation, village_code, sha256),
  CONSTRAINT ck_evidence_files_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$')
)
"""


def upgrade() -> None:
    """Create the tables."""
    run_script(EVIDENCE)
