"""Objects that were not known when their problem was logged (I-01)."""

from collections.abc import Collection

from shared.database import Session

_VERIFY = """
UPDATE problems SET object_unverified = false, version = version + 1
WHERE id IN (
  SELECT id FROM problems WHERE object_unverified AND object_ref = ANY($1::text[])
  ORDER BY id FOR UPDATE)
"""


async def verify_objects(session: Session, object_refs: Collection[str]) -> None:
    """Take the flag `object_unverified` from the problems of objects that are known now."""
    await (await session.driver()).execute(_VERIFY, list(object_refs))
