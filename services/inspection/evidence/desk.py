"""What the evidence calls of a running service share: store, scanner, key of the links."""

import secrets
from dataclasses import dataclass

from services.inspection.evidence.domain import EvidenceOff
from services.inspection.evidence.links import LinkSigner
from services.inspection.evidence.scanner import Scanner
from services.inspection.settings import InspectionSettings
from shared import clock
from shared.objects import ObjectStore, open_object_store
from shared.privacy import MASTER_KEY_BYTES, AesSuite, KeyRing, MasterKey, load_key_ring
from shared.runtime import Runtime


@dataclass(frozen=True, slots=True)
class EvidenceDesk:
    """Where evidence is taken in and handed out; without a scanner files are not scanned."""

    objects: ObjectStore
    scanner: Scanner | None
    links: LinkSigner


def open_evidence_desk(runtime: Runtime) -> None:
    """Open the desk where the settings name an object store, and clear what killed processes left.

    Raises `ValueError` and `KeyFileRejected` for settings that cannot be meant: the process must
    not start.
    """
    settings = runtime.settings
    assert isinstance(settings, InspectionSettings)
    if not settings.object_store_url:
        return
    objects = open_object_store(
        settings.object_store_url,
        endpoint=settings.object_store_endpoint,
        region=settings.object_store_region,
        key_id=settings.object_store_key_id,
        secret=settings.object_store_secret.get_secret_value(),
    )
    if settings.link_key_file is None:
        keys = KeyRing([MasterKey(AesSuite(), secrets.token_bytes(MASTER_KEY_BYTES))])
    else:
        keys = load_key_ring(settings.link_key_file)
    scanner = Scanner(settings.virus_scanner) if settings.virus_scanner else None
    objects.sweep(clock.now())
    runtime.extras["evidence"] = EvidenceDesk(objects, scanner, LinkSigner(keys))


def evidence_desk_of(runtime: Runtime) -> EvidenceDesk:
    """The desk of a running service; raises `EvidenceOff` where it has none."""
    desk: EvidenceDesk | None = runtime.extras.get("evidence")
    if desk is None:
        raise EvidenceOff
    return desk
