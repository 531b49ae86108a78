"""What can be done with answers to petitioners: send, note how it ended, erase the address."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.notify.contacts.commands import Reach
from services.notify.contacts.domain import ContactState, check_wording
from services.notify.contacts.domain import State as SendingState
from services.notify.contacts.tables import Contact, Sending
from services.notify.feedback.domain import Action, Result, content_of
from services.notify.feedback.queries import ListedFeedback, ended_for_update
from services.notify.feedback.tables import PetitionFeedback
from services.notify.mirror.domain import derived_id
from services.notify.queues.commands.telling import Happened, enqueue
from services.notify.queues.domain.notices import Notice, Priority, Purpose
from shared import clock
from shared.audit import record_audit
from shared.configuration import Setting
from shared.database import Database, Session
from shared.events.base import data_of
from shared.events.notify import (
    PetitionFeedbackDelivered,
    PetitionFeedbackEvent,
    PetitionFeedbackFailed,
)
from shared.ids import new_id
from shared.labels import department_name
from shared.messaging import outbox
from shared.runtime import Runtime
from shared.security import Actor

AT_ONCE = 100
ADDRESS_DAYS = Setting(
    "petitioner_address_days", 30, Annotated[int, Field(ge=1, le=3650)], rule="N-10"
)

_ERASE = """
UPDATE contacts c SET state = 'REMOVED', address_sealed = '', address_shown = ''
  FROM petition_feedback f
 WHERE f.contact_id = c.contact_id AND c.state = 'ONE_OFF' AND f.ended_at < $1
RETURNING 1
"""


async def answer_petitioner(
    session: Session,
    actor: Actor,
    *,
    petition_no: str,
    result: Result,
    note: str,
    reach: Reach,
) -> ListedFeedback:
    """Send a petitioner what came of the petition; raises `PersonalIdentifier`."""
    check_wording(petition_no=petition_no, note=note)
    now, contact_id = clock.now(), new_id()
    contact = Contact(
        contact_id=contact_id,
        org=actor.organisation,
        roles=[],
        label="信访人",
        state=ContactState.ONE_OFF,
        created_at=now,
        **reach.sealed(session, contact_id),
    )
    sending = Sending(
        contact_id=contact_id,
        content=content_of(petition_no, result, note, department_name(actor.unit)),
        priority=Priority.NORMAL,
        simulated=clock.is_simulated(),
        created_at=now,
        next_at=now,
    )
    feedback = PetitionFeedback(
        petition_no=petition_no,
        org=actor.organisation,
        result=result,
        contact_id=contact_id,
        sending_id=sending.sending_id,
        created_at=now,
    )
    session.add_all([contact, sending, feedback])
    await session.flush()
    await record_audit(
        session,
        actor,
        "ANSWER",
        "petition_feedback",
        feedback.feedback_id,
        change={"petition_no": petition_no, "result": result, "channel": reach.channel},
    )
    return ListedFeedback(feedback, contact)


async def note_ended(session: Session, *, include_simulated: bool) -> int:
    """Note of answers whose sending has ended how it did, and tell; how many.

    A failure is put into the handler's queue as well.
    """
    ended = await ended_for_update(session, AT_ONCE, include_simulated=include_simulated)
    now = clock.now()
    events: list[tuple[UUID, PetitionFeedbackEvent]] = []
    for feedback, sending in ended:
        told = {
            "feedback_id": feedback.feedback_id,
            "petition_no": feedback.petition_no,
            "organisation": feedback.org,
        }
        event: PetitionFeedbackEvent
        if sending.state == SendingState.SENT:
            feedback.end(Action.DELIVER, None, now)
            event = PetitionFeedbackDelivered.model_validate(told)
        else:
            reason = sending.reason or ""
            feedback.end(Action.FAIL, reason, now)
            event = PetitionFeedbackFailed.model_validate({**told, "reason": reason})
        events.append((derived_id(feedback.feedback_id, "ended"), event))
    if events:
        await session.flush()
        rows = [replace(outbox.prepare(event, 1), event_id=key) for key, event in events]
        await outbox.record_many(await session.driver(), rows)
        session.events_recorded()
        await tell_failures(
            session,
            [
                (key, now, event)
                for key, event in events
                if isinstance(event, PetitionFeedbackFailed)
            ],
        )
    return len(ended)


async def tell_failures(
    session: Session, failures: Iterable[tuple[UUID, datetime, PetitionFeedbackFailed]]
) -> None:
    """Tell the handlers which answers did not arrive; each is told once, by the event's id."""
    told = list(failures)
    await enqueue(
        session,
        [Happened(key, event.wire_type, at, data_of(event)) for key, at, event in told],
        [
            Notice(key, event.organisation, None, Purpose.FEEDBACK_FAILED, Priority.NORMAL)
            for key, _at, event in told
        ],
    )


async def erase_addresses(database: Database, before: datetime) -> int:
    """Erase the addresses of petitioners whose answer ended before an instant; how many."""
    async with database.statement() as connection:
        return len(await connection.fetch(_ERASE, before))


async def settle_feedback(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    """The job `feedback`: note how answers ended, and erase addresses that are no longer needed
    (X-15)."""
    simulating = runtime.settings.simulation_clock
    noted = 0
    with clock.simulate(as_of if simulating else None):
        while True:
            async with runtime.database.transaction() as session:
                found = await note_ended(session, include_simulated=simulating)
            noted += found
            if found < AT_ONCE:
                break
        days = runtime.configuration.value(ADDRESS_DAYS, "", clock.today())
        erased = await erase_addresses(runtime.database, clock.now() - timedelta(days=days))
    return {"noted": noted, "erased": erased}
