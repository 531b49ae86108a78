"""The ways people are reached, and what can become of a sending (B.9). Pure."""

from collections.abc import Mapping
from enum import StrEnum

from shared.errors import FieldError, Invalid
from shared.moves import after
from shared.privacy import mask_phone, without_identifiers


class Channel(StrEnum):
    """The services through which people and groups are reached."""

    WECOM = "WECOM"
    DINGTALK = "DINGTALK"
    FEISHU = "FEISHU"
    SMS = "SMS"
    EMAIL = "EMAIL"
    APPRISE = "APPRISE"
    DRY_RUN = "DRY_RUN"  # nothing leaves: what would have been sent is kept to be looked at


class ContactState(StrEnum):
    """Whether a contact is written to."""

    ACTIVE = "ACTIVE"
    ONE_OFF = "ONE_OFF"  # for a single sending: in no list, and told of nothing else
    REMOVED = "REMOVED"


class State(StrEnum):
    """The states of a sending."""

    PENDING = "PENDING"
    SENT = "SENT"
    SKIPPED = "SKIPPED"  # not sent, for a reason that is kept
    FAILED = "FAILED"  # given up


class Action(StrEnum):
    """What can be done to a sending."""

    SEND = "SEND"
    SKIP = "SKIP"
    GIVE_UP = "GIVE_UP"
    RETRY = "RETRY"


MOVES: Mapping[tuple[State, Action], State] = {
    (State.PENDING, Action.SEND): State.SENT,
    (State.PENDING, Action.SKIP): State.SKIPPED,
    (State.PENDING, Action.GIVE_UP): State.FAILED,
    (State.FAILED, Action.RETRY): State.PENDING,
}


def next_state(state: State, action: Action) -> State:
    """The state after `action`; raises `IllegalMove`."""
    return after(MOVES, state, action)


class PersonalIdentifier(Invalid):
    """The text holds what looks like an id number, an account or a mobile number."""

    code = "PERSONAL_IDENTIFIER"
    zh = "文字中不得含有身份证号、银行账号或手机号。"
    en = "The text must not hold an id number, an account or a mobile number."


class SchemeNotAllowed(Invalid):
    """The operator does not allow this service of Apprise."""

    code = "SCHEME_NOT_ALLOWED"
    zh = "运维人员未开放此类 Apprise 地址。"
    en = "The operator does not allow addresses of this kind."


_FOUND = "\0"


def check_wording(**texts: str | None) -> None:
    """Refuse texts that hold a personal identifier (N-12): `PersonalIdentifier` names the field
    and the character, counted from 1, at which it begins. The texts hold no NUL."""
    errors = [
        FieldError(
            name,
            PersonalIdentifier.code,
            f"第{place + 1}个字符起疑似身份证号、银行账号或手机号，请删去。",
            f"What looks like an id number, account or mobile number begins at character"
            f" {place + 1}.",
        )
        for name, text in texts.items()
        if (place := without_identifiers(text or "", _FOUND).find(_FOUND)) >= 0
    ]
    if errors:
        raise PersonalIdentifier(errors=errors)


_SHOWN_OF_KEY = 4
# Where the address of a group robot names the robot: what a provider counts requests by.
_ROBOTS = {Channel.WECOM: "key", Channel.DINGTALK: "access_token", Channel.FEISHU: "key"}
ROBOT_CHANNELS = tuple(_ROBOTS)


def robot_key(channel: Channel, address: Mapping[str, str]) -> str | None:
    """The provider's key of the group robot an address leads to; None on channels without."""
    field = _ROBOTS.get(channel)
    return None if field is None else address[field]


def shown_address(channel: Channel, address: Mapping[str, str]) -> str:
    """What may be shown of an address: enough to tell two apart, too little to write to it."""
    if channel is Channel.SMS:
        return mask_phone(address["mobile"])
    if channel is Channel.EMAIL:
        local, _, host = address["address"].rpartition("@")
        return f"{local[:1]}***@{host}"
    if channel is Channel.APPRISE:
        return f"{address['url'].partition('://')[0]}://***"
    key = robot_key(channel, address)
    return "" if key is None else f"***{key[-_SHOWN_OF_KEY:]}"
