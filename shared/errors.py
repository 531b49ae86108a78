"""The refusals of the domain: each with a stable code, an HTTP status and texts in two languages.

Rendered as RFC 9457 problem details by `shared.web.problem_details`; no framework is known here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused field: its path (`members.0.id_no`), a code, both texts; never the value."""

    field: str
    code: str
    zh: str
    en: str

    def message(self, language: str) -> str:
        """The text in `language` ("zh" or "en")."""
        return self.en if language == "en" else self.zh


class DomainError(Exception):
    """A refusal the caller can act on.

    Subclasses set `status` (HTTP status number), `code` (stable, upper snake case) and the detail
    templates `zh` and `en`, filled from the keyword arguments, which are also sent as extra members
    of the problem details. The class docstring is the public title. Never pass a sensitive value.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "REFUSED"
    zh: ClassVar[str] = "请求被拒绝。"
    en: ClassVar[str] = "The request was refused."

    def __init__(self, *, errors: Iterable[FieldError] = (), **members: Any) -> None:
        super().__init__(self.code)
        self.errors = tuple(errors)
        self.members = members

    @classmethod
    def title(cls) -> str:
        """The constant public title: the first line of the class docstring."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0].rstrip(".")

    def detail(self, language: str) -> str:
        """This case in words, in `language` ("zh" or "en")."""
        template = self.en if language == "en" else self.zh
        return template.format(**self.members)


class Invalid(DomainError):
    """The request is malformed."""

    status = 422
    code = "INVALID"
    zh = "提交的内容有误，请按字段提示更正。"
    en = "The request has fields that must be corrected."

    @classmethod
    def about(cls, *fields: str) -> Self:
        """This refusal with its own code and texts, which take no members, at each of `fields`."""
        return cls(errors=[FieldError(field, cls.code, cls.zh, cls.en) for field in fields])


class NotFound(DomainError):
    """No such thing within the caller's scope."""

    status = 404
    code = "NOT_FOUND"
    zh = "未找到，或不在您的权限范围内。"
    en = "It does not exist or lies outside your scope."


class Forbidden(DomainError):
    """The caller's role does not allow this."""

    status = 403
    code = "FORBIDDEN"
    zh = "您的角色无权进行此操作。"
    en = "Your role does not allow this."


class Unauthenticated(DomainError):
    """A valid bearer token is required."""

    status = 401
    code = "UNAUTHENTICATED"
    zh = "需要有效的访问令牌。"
    en = "A valid bearer token is required."


class Conflict(DomainError):
    """The present state does not allow this."""

    status = 409
    code = "CONFLICT"
    zh = "与当前状态冲突。"
    en = "It conflicts with the present state."


class IllegalMove(Conflict):
    """The state machine does not allow this action in the present state.

    Members: `state`, and `allowed` (the actions that are allowed now).
    """

    code = "STATE_CONFLICT"
    zh = "当前状态 {state} 不允许此操作。"
    en = "The state {state} does not allow this action."

    def __init__(self, *, state: str, allowed: Iterable[str]) -> None:
        super().__init__(state=state, allowed=sorted(allowed))


class VersionConflict(Conflict):
    """Somebody changed it in the meantime.

    Members: `version`, the present one.
    """

    code = "VERSION_CONFLICT"
    zh = "记录已被他人修改，请按版本 {version} 重新读取后再提交。"
    en = "It was changed in the meantime; read version {version} and try again."


class TooMany(DomainError):
    """The caller asks more often than is allowed.

    Members: `retry_after`, in how many seconds it is allowed again.
    """

    status = 429
    code = "TOO_MANY"
    zh = "请求过于频繁，请 {retry_after} 秒后再试。"
    en = "That is too often; try again in {retry_after} seconds."


def field_error(field: str, code: str, zh: str, en: str) -> Invalid:
    """An `Invalid` about one field, carrying that field's code as its own."""
    return Invalid(errors=[FieldError(field, code, zh, en)])
