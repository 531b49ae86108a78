"""HTTP for the contact book: who of an organisation is reached how."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.notify.contacts import commands
from services.notify.contacts.addresses import Address, AnyAddress, AppriseAddress
from services.notify.contacts.commands import Reach
from services.notify.contacts.domain import (
    Channel,
    ContactState,
    PersonalIdentifier,
    SchemeNotAllowed,
)
from services.notify.contacts.queries import list_contacts as contacts_listed
from services.notify.contacts.tables import Contact
from services.notify.settings import NotifySettings
from shared.errors import NotFound, VersionConflict
from shared.runtime import Runtime
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.fields import OrganisationCode, Title, leaves_out_defaults
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/contacts", tags=["contacts"])

# Who answers for whom his organisation is to reach.
KEEPERS = (Role.DEPT_HEAD, Role.POVERTY_OFFICE, Role.TOWNSHIP_PARTY_SECRETARY, Role.OPS)
Keeper = Annotated[Actor, allows(*KEEPERS)]

Person = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,100}$")]
_ROLES = "只接收发给这些角色的消息；不填则接收本单位全部消息"
_COPIES = "是否也接收抄送件"


class AddContact(BaseModel):
    """A new contact."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {
                    "org": "HOUS@511132",
                    "label": "住建局整改工作群",
                    "roles": [],
                    "address": {"channel": "WECOM", "key": "633a31f6-7f9c-4bc4-97a0-000000000000"},
                }
            ]
        },
    )

    org: OrganisationCode
    label: Title = Field(description="名称", examples=["住建局整改工作群"])
    roles: list[Role] = Field([], max_length=20, description=_ROLES)
    person: Person | None = Field(None, description="个人账号（令牌 sub）；群组不填")
    copies: bool = Field(False, description=_COPIES)
    address: AnyAddress


class ChangeContact(BaseModel):
    """What is to change of a contact; fields left out stay as they are."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, json_schema_extra=leaves_out_defaults
    )

    version: int = Field(ge=1, description="所依据的版本")
    label: Title = Field("", description="名称")
    roles: list[Role] = Field([], max_length=20, description=_ROLES)
    person: Person | None = Field(None, description="个人账号（令牌 sub）；群组不填")
    copies: bool = Field(False, description=_COPIES)
    address: AnyAddress | None = None


class ContactView(BaseModel):
    """A contact. Of its address only as much is shown as tells two of them apart."""

    id: UUID
    org: str
    label: str
    roles: list[str]
    person: str | None
    copies: bool
    channel: Channel
    address_shown: str = Field(examples=["***0000"])
    state: ContactState
    version: int

    @classmethod
    def of(cls, contact: Contact) -> Self:
        """The view of a row."""
        return cls(**contact.model_dump(), id=contact.contact_id)


@router.post(
    "",
    status_code=201,
    responses=refusals(
        NotFound, PersonalIdentifier, SchemeNotAllowed, IdempotencyConflict, IdempotencyInProgress
    ),
)
async def add_contact(
    body: AddContact, session: WriteSession, runtime: RunningService, once: OnceOnly, actor: Keeper
) -> ContactView:
    """Enter a person or group of one's own organisation; an operator, of any of the region."""
    contact = await commands.add_contact(
        session,
        actor,
        org=body.org,
        roles=list(body.roles),
        person=body.person,
        label=body.label,
        copies=body.copies,
        reach=reach_of(runtime, body.address),
    )
    return await once.keep(ContactView.of(contact))


@router.get("")
async def list_contacts(
    session: QuerySession,
    actor: Keeper,
    page: PageQuery,
    org: Annotated[OrganisationCode | None, Query(description="只列该单位，供运维人员筛选")] = None,
    role: Annotated[Role | None, Query(description="只列登记了该角色的联系人")] = None,
) -> Page[ContactView]:
    """The contacts of one's own organisation; for an operator, of the region's."""
    contacts = await contacts_listed(session, actor, page, org=org, role=role)
    return page.page(contacts, ContactView.of, lambda contact: (contact.contact_id,))


@router.patch(
    "/{contact_id}",
    responses=refusals(NotFound, VersionConflict, PersonalIdentifier, SchemeNotAllowed),
)
async def change_contact(
    contact_id: UUID,
    body: ChangeContact,
    session: WriteSession,
    runtime: RunningService,
    actor: Keeper,
) -> ContactView:
    """Change a contact, from the version the caller has seen."""
    contact = await commands.change_contact(
        session,
        actor,
        contact_id,
        version=body.version,
        changes=body.model_dump(exclude_unset=True, exclude={"version", "address"}),
        reach=None if body.address is None else reach_of(runtime, body.address),
    )
    return ContactView.of(contact)


@router.delete("/{contact_id}", status_code=204, responses=refusals(NotFound))
async def remove_contact(contact_id: UUID, session: WriteSession, actor: Keeper) -> Response:
    """Write to a contact no more; its address is erased."""
    await commands.remove_contact(session, actor, contact_id)
    return Response(status_code=204)


def reach_of(runtime: Runtime, address: Address) -> Reach:
    """How an address is reached; raises `SchemeNotAllowed`."""
    settings = runtime.settings
    assert isinstance(settings, NotifySettings)
    if isinstance(address, AppriseAddress) and address.scheme not in settings.apprise_schemes:
        raise SchemeNotAllowed.about("address.url")
    fields = address.model_dump(mode="json", exclude_none=True)
    return Reach(address.channel, fields, address.sealed_form())
