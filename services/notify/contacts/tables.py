"""The rows of the contact book and of what is to be sent by its channels."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, JSON, Computed, Index, SmallInteger, Text, text
from sqlmodel import Field

from services.notify.contacts.domain import Action, ContactState, State, next_state
from services.notify.tables import CODE, INSTANT, NotifyTable
from shared.ids import new_id

_ACTIVE = text("state = 'ACTIVE'")
# As PostgreSQL writes it back, which is what schema and mapping are compared by.
_REGION = Computed("split_part(org, '@'::text, 2)", persisted=True)
_PENDING = text("state = 'PENDING'")


class Contact(NotifyTable, table=True):
    """A person or group of an organisation and one way to reach it. `roles` says which of the
    organisation's messages it minds (none: all of them), `copies` whether those for information
    too; `person` is the subject of his token. The address is sealed, and empty once erased;
    `address_shown` is what may be shown of it; `robot` is a keyed digest of the group robot it
    leads to. The book is also the directory of a region's people: those who hold a role there are
    found by `region` and `roles`."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index("contacts_of_org", "org", postgresql_where=_ACTIVE),
        Index("contacts_of_region", "region", postgresql_where=_ACTIVE),
    )

    contact_id: UUID = Field(default_factory=new_id, primary_key=True)
    org: str = Field(sa_type=CODE)
    roles: list[str] = Field(sa_type=ARRAY(Text))
    person: str | None = None
    label: str
    channel: str
    address_sealed: str
    address_shown: str
    robot: UUID | None = None
    copies: bool = False
    state: str = ContactState.ACTIVE
    created_at: datetime = Field(sa_type=INSTANT)
    version: int = 1
    region: str | None = Field(None, sa_type=CODE, sa_column_args=(_REGION,))

    @property
    def lane_id(self) -> UUID:
        """The lane it is served on: that of its robot, otherwise one of its own."""
        return self.robot or self.contact_id

    def remove(self) -> None:
        """Write to it no more, and forget the address."""
        self.state = ContactState.REMOVED
        self.address_sealed, self.robot = "", None
        self.version += 1


class Sending(NotifyTable, table=True):
    """One message on its way to one contact; or, without a message, `content` of its own (title,
    text, template, and its variables). `next_at` is when it is tried next, `reason` why it was
    skipped or given up, or what the last failed attempt met with; `kept` what would have been sent,
    on the channel DRY_RUN."""

    __tablename__ = "sendings"
    __table_args__ = (
        Index("sendings_pending", "next_at", postgresql_where=_PENDING),
        Index("sendings_waiting", "contact_id", "next_at", postgresql_where=_PENDING),
        Index("sendings_of_message", "message_id"),
        Index("sendings_of_contact", "contact_id", "created_at"),
        Index("sendings_by_time", "created_at", "sending_id"),
    )

    sending_id: UUID = Field(
        default_factory=new_id,
        primary_key=True,
        sa_column_kwargs={"server_default": text("gen_random_uuid()")},
    )
    contact_id: UUID
    message_id: UUID | None = None
    content: dict[str, str] | None = Field(None, sa_type=JSON)
    priority: int = Field(sa_type=SmallInteger)
    state: str = State.PENDING
    reason: str | None = None
    attempts: int = 0
    simulated: bool = False
    created_at: datetime = Field(sa_type=INSTANT)
    next_at: datetime = Field(sa_type=INSTANT)
    sent_at: datetime | None = Field(default=None, sa_type=INSTANT)
    kept: str | None = None

    def move(self, action: Action) -> None:
        """Take the move `action`; raises `IllegalMove`."""
        self.state = next_state(State(self.state), action)

    def retry(self, at: datetime) -> None:
        """Try again from the beginning; raises `IllegalMove` for what has not failed."""
        self.move(Action.RETRY)
        self.next_at, self.attempts, self.reason = at, 0, None


CONTACTS = NotifyTable.metadata.tables["contacts"]
SENDINGS = NotifyTable.metadata.tables["sendings"]
