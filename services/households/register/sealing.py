"""The encrypted columns of the register, and the test that the key file fits the database."""

from dataclasses import dataclass
from typing import cast

from sqlmodel import col, select

from services.households.register.tables import Household, Member
from shared.database import Database
from shared.privacy import KeyFileRejected, KeyRing, SealBroken, SealedColumn
from shared.runtime import Runtime

_EXTRA = "register_seals"


@dataclass(frozen=True, slots=True)
class Seals:
    """One sealer per sensitive column; id numbers are found by their blind index."""

    id_no: SealedColumn
    diseases: SealedColumn
    disability_cert: SealedColumn
    phone: SealedColumn
    account: SealedColumn

    @classmethod
    def of(cls, ring: KeyRing) -> "Seals":
        """The sealers of this register under `ring`."""
        return cls(
            id_no=ring.column(Member.__tablename__, "id_no_sealed"),
            diseases=ring.column(Member.__tablename__, "diseases_sealed"),
            disability_cert=ring.column(Member.__tablename__, "disability_cert_sealed"),
            phone=ring.column(Household.__tablename__, "phone_sealed"),
            account=ring.column(Household.__tablename__, "account_sealed"),
        )


async def install_seals(runtime: Runtime, ring: KeyRing) -> None:
    """Make the sealers of `ring` those of the running service.

    Raises `KeyFileRejected` when what is stored was sealed with other keys: under a wrong key
    nobody would be found again, and everybody could be registered twice.
    """
    seals = Seals.of(ring)
    await _try_on_stored_value(runtime.database, seals)
    runtime.extras[_EXTRA] = seals


def seals_of(runtime: Runtime) -> Seals:
    """The sealers of the running service."""
    return cast("Seals", runtime.extras[_EXTRA])


async def _try_on_stored_value(database: Database, seals: Seals) -> None:
    async with database.reading() as session:
        stored = await session.execute(
            select(Member.id, Member.id_no_sealed)
            .where(col(Member.id_no_sealed).is_not(None))
            .limit(1)
        )
        for row, sealed in stored:
            try:
                seals.id_no.open(cast("str", sealed), row)
            except SealBroken:
                raise KeyFileRejected(
                    "the register was sealed with another key than the key file holds"
                ) from None
