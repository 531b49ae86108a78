"""Reading answers to petitioners: the handler's own, and those whose sending has ended."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import col, select

from services.notify.contacts.domain import State as SendingState
from services.notify.contacts.tables import Contact, Sending
from services.notify.feedback.domain import State
from services.notify.feedback.tables import FEEDBACK, PetitionFeedback
from services.notify.tables import stands_at
from shared.database import ReadSession
from shared.errors import NotFound
from shared.web.pagination import PageRequest


class ListedFeedback(NamedTuple):
    """An answer with the contact it goes to."""

    feedback: PetitionFeedback
    contact: Contact


async def list_feedback(
    session: ReadSession, org: str, page: PageRequest, *, petition_no: str | None, state: str | None
) -> list[ListedFeedback]:
    """The answers of an organisation, oldest first."""
    statement = _with_contact().where(col(PetitionFeedback.org) == org)
    if petition_no is not None:
        statement = statement.where(col(PetitionFeedback.petition_no) == petition_no)
    if state is not None:
        statement = statement.where(col(PetitionFeedback.state) == state)
    rows: Sequence[Any] = (
        await session.execute(page.after(statement, [FEEDBACK.c.feedback_id], UUID))
    ).all()
    return [ListedFeedback(*row) for row in rows]


async def get_feedback(session: ReadSession, org: str, feedback_id: UUID) -> ListedFeedback:
    """An answer of an organisation; raises `NotFound`."""
    statement = _with_contact().where(
        col(PetitionFeedback.org) == org, col(PetitionFeedback.feedback_id) == feedback_id
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound
    return ListedFeedback(*row)


async def ended_for_update(
    session: ReadSession, limit: int, *, include_simulated: bool
) -> list[tuple[PetitionFeedback, Sending]]:
    """Answers that are thought to be on their way while their sending has ended, locked."""
    statement = _ended().limit(limit)
    statement = statement.with_for_update(of=PetitionFeedback, skip_locked=True)
    if not include_simulated:
        statement = statement.where(col(Sending.simulated).is_(False))
    rows = (await session.execute(statement)).all()
    return [(feedback, sending) for feedback, sending in rows]


def _ended() -> Any:
    return (
        select(PetitionFeedback, Sending)
        .join(Sending, col(Sending.sending_id) == col(PetitionFeedback.sending_id))
        .where(
            stands_at(col(PetitionFeedback.state), State.PENDING),
            col(Sending.state) != SendingState.PENDING,
        )
        .order_by(col(PetitionFeedback.feedback_id))
    )


def _with_contact() -> Any:
    return select(PetitionFeedback, Contact).join(
        Contact, col(Contact.contact_id) == col(PetitionFeedback.contact_id)
    )
