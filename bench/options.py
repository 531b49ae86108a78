"""How much is measured, and on what."""

from dataclasses import dataclass

from deploy.embedded.settings import Broker

ROUNDS = 5
QUICK_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Options:
    """`quick`: fewer rounds over less data; `plans`: show the plans of queries; which broker."""

    quick: bool = False
    plans: bool = False
    broker: Broker = Broker.EMBEDDED

    @property
    def rounds(self) -> int:
        """How often the project and its floor take turns."""
        return QUICK_ROUNDS if self.quick else ROUNDS

    def sized(self, full: int, quick: int) -> int:
        """How much of something: `full`, or less when it has to be quick."""
        return quick if self.quick else full
