"""What callers send to the register; each field checks itself and names a stable code."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from services.households.register.codes import (
    Attribute,
    Education,
    Health,
    Joining,
    Labour,
    Leaving,
    PovertyCause,
    Relation,
    StudentStatus,
    Tag,
)
from services.households.register.domain import ArchiveStatus, birth_date_of, head_error, sex_of
from shared import clock
from shared.errors import FieldError, Invalid
from shared.validators import IdSexMismatch, Sex, parse_resident_id
from shared.web.field_errors import field_errors
from shared.web.fields import (
    BankCard,
    Day,
    Mobile,
    PersonName,
    RegionCode,
    ResidentId,
    leaves_out_defaults,
)

NO_PHONE = "NONE"

# PostgreSQL holds no NUL.
_STORABLE = r"^[^\x00]*$"

Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_STORABLE),
]
"""A short text."""

LongText = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=_STORABLE)
]
"""A note."""


def _happened(day: date) -> date:
    if day > clock.today():
        raise PydanticCustomError(
            "DATE_IN_FUTURE", "不得晚于今天。", {"en": "It lies in the future."}
        )
    return day


PastDate = Annotated[Day, AfterValidator(_happened)]
"""A day not after today: what is recorded has happened; DATE_IN_FUTURE."""

InsuredYear = Annotated[int, Field(ge=2000, le=2100)]


def _phone(value: object) -> object:
    said = value.strip().upper() if isinstance(value, str) else value
    return None if said in (NO_PHONE, "无") else value


Phone = Annotated[Mobile | None, BeforeValidator(_phone)]
"""A mobile number, or NONE (also null) for a household without one; never simply left out."""


class Form(BaseModel):
    """A request body: nothing beyond its fields is accepted."""

    model_config = ConfigDict(extra="forbid")


class Causes(Form):
    """Why a household is poor: one main cause and others (H-06)."""

    main: PovertyCause
    others: list[PovertyCause] = Field(default=[], max_length=10)


class Chronic(Form):
    """A chronic patient's diseases, stored encrypted, and whether the family doctor signed."""

    diseases: list[Text] = Field(default=[], max_length=10)
    doctor_signed: bool | None = None


def _chronic(value: object) -> object:
    if isinstance(value, bool):
        return {} if value else None
    return value


ChronicOrNot = Annotated[Chronic | None, BeforeValidator(_chronic)]
"""A chronic patient, or null; true and false say no more than that."""


class Disability(Form):
    """Category 1-7 and level 1-4 of the disability certificate; its number ends in both."""

    category: int = Field(ge=1, le=7)
    level: int = Field(ge=1, le=4)
    cert_no: Annotated[str, StringConstraints(strip_whitespace=True)] | None = None

    @field_validator("cert_no")
    @classmethod
    def check_certificate(cls, value: str | None, info: ValidationInfo) -> str | None:
        """20 characters: a resident id, category, level (C.1)."""
        if value is None:
            return None
        try:
            number = parse_resident_id(value[:18], clock.today()).number
        except Invalid:
            number = ""
        suffix = f"{info.data.get('category')}{info.data.get('level')}"
        if not number or value[18:] != suffix:
            raise PydanticCustomError(
                "DISABILITY_CERT_INVALID",
                "残疾人证号应为20位：公民身份号码加类别、等级各1位。",
                {"en": "A certificate number is a resident id followed by category and level."},
            )
        return number + suffix


class Work(Form):
    """Where somebody works away from home, and how many months a year."""

    place: Text | None = None
    months: int | None = Field(None, ge=0, le=12)


class Bank(Form):
    """The account that help is paid to."""

    bank_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] | None = None
    account: BankCard


class Kit(Form):
    """The paper kit: certificate, two booklets, contact sign, income card (H-05)."""

    cert: bool = False
    book1: bool = False
    book2: bool = False
    sign: bool = False
    income_card: bool = False


class MemberAttributes(Form):
    """What may be known of a member beyond identity."""

    nation: Text | None = Field(None, examples=["彝族"])
    education: Education | None = None
    student_status: StudentStatus | None = None
    health: Health | None = None
    labour: Labour | None = None
    insured: dict[InsuredYear, bool] = Field(
        default={}, description="基本医疗保险，按年度", examples=[{"2019": True}]
    )
    enrolled: bool | None = Field(None, description="在校就读")
    home_teaching: bool = Field(False, description="送教上门")
    chronic: ChronicOrNot = Field(None, description="慢性病：true、false 或详情")
    disability: Disability | None = None
    work: Work | None = None
    left_school_early: bool = Field(False, description="未完成九年义务教育")


class MemberEntry(MemberAttributes):
    """A member of a household that is being registered."""

    name: PersonName
    sex: Sex
    id_no: ResidentId
    relation: Relation
    member_since: PastDate | None = Field(None, description="入户日期；省略则视为自出生起")

    @field_validator("id_no")
    @classmethod
    def check_sex(cls, number: str, info: ValidationInfo) -> str:
        """The number's sex is the sex given (H-02)."""
        return check_sex_of(number, info.data.get("sex"))

    @field_validator("member_since")
    @classmethod
    def check_since(cls, day: date | None, info: ValidationInfo) -> date | None:
        """Nobody belongs to a household before being born."""
        number = info.data.get("id_no")
        if day is not None and number is not None and day < birth_date_of(number):
            raise PydanticCustomError(
                "EFFECTIVE_TOO_EARLY",
                "入户日期早于出生日期。",
                {"en": "It lies before the day of birth."},
            )
        return day


class RegisterHousehold(Form):
    """A household and its members."""

    village_code: RegionCode
    group_name: Text | None = Field(None, description="村民小组", examples=["三组"])
    attribute: Attribute | None = None
    archive_status: ArchiveStatus
    identified_on: PastDate | None = None
    exit_year: int | None = Field(None, ge=2000, le=2100)
    causes: Causes | None = None
    tags: list[Tag] = Field(default=[], max_length=10)
    phone: Phone = Field(description="手机号码；没有则填 NONE", examples=["19900000001", NO_PHONE])
    bank: Bank | None = None
    elder_left_in_old_house: bool = Field(False, description="新人住新房、老人住老房")
    helper_id: Text | None = Field(None, description="帮扶责任人")
    kit: Kit = Field(default_factory=Kit)
    members: list[MemberEntry] = Field(min_length=1, max_length=50)
    source_document: Text | None = None

    @field_validator("archive_status")
    @classmethod
    def check_status(cls, status: ArchiveStatus) -> ArchiveStatus:
        """A closed household has nobody left to register."""
        if status is ArchiveStatus.CLOSED:
            raise PydanticCustomError(
                "STATUS_NOT_REGISTRABLE",
                "不能登记已销户的户。",
                {"en": "A closed household cannot be registered."},
            )
        return status


class Reasoned(Form):
    """Why something changes, on what paper, and which version the caller has read (H-08)."""

    reason: Text | None = Field(None, description="变更原因")
    source_document: Text | None = Field(None, description="来源文件")
    version: int | None = Field(None, ge=1, description="读取时的版本号")


class ChangeHousehold(Reasoned):
    """Attributes of a household to change; those not given stay."""

    model_config = ConfigDict(json_schema_extra=leaves_out_defaults)

    group_name: Text | None = None
    attribute: Attribute | None = None
    identified_on: PastDate | None = None
    causes: Causes | None = None
    tags: list[Tag] = Field(default=[], max_length=10)
    phone: Phone = None
    bank: Bank | None = None
    elder_left_in_old_house: bool = False
    helper_id: Text | None = None
    kit: Kit = Field(default_factory=Kit)


class ChangeMember(Reasoned, MemberAttributes):
    """Attributes of a member to change; those not given stay, insured years are added.

    Somebody who becomes HEAD takes the place of the former head, who becomes OTHER.
    """

    model_config = ConfigDict(json_schema_extra=leaves_out_defaults)

    name: PersonName = ""
    sex: Sex = Sex.MALE
    id_no: ResidentId = ""
    relation: Relation = Relation.OTHER


class JoinHousehold(Reasoned, MemberAttributes):
    """Somebody joins a household; a newborn may come without an id number."""

    joining: Joining = Field(description="增加原因：出生、婚入、迁入")
    effective_on: PastDate = Field(description="入户日期")
    name: PersonName
    sex: Sex
    id_no: ResidentId | None = Field(None, description="新生儿可暂缺")
    relation: Relation

    @field_validator("id_no")
    @classmethod
    def check_sex(cls, number: str | None, info: ValidationInfo) -> str | None:
        """The number's sex is the sex given (H-02)."""
        return None if number is None else check_sex_of(number, info.data.get("sex"))


class LeaveHousehold(Reasoned):
    """Somebody dies, marries out or moves out; a head who leaves names the next."""

    leaving: Leaving = Field(description="减少原因：死亡、婚出、迁出")
    effective_on: PastDate = Field(description="离户日期，当日起不再计入人口")
    new_head_id: UUID | None = Field(None, description="户主离户时的新户主")


class Reveal(Form):
    """Why somebody needs to see a value in full."""

    reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=2, max_length=200, pattern=_STORABLE),
    ] = Field(examples=["核对一卡通发放失败"])


def check_sex_of(number: str, sex: Sex | None) -> str:
    """`number` if its sex is `sex`; raises the field error `ID_SEX_MISMATCH`."""
    if sex is not None and sex_of(number) is not sex:
        raise PydanticCustomError(IdSexMismatch.code, IdSexMismatch.zh, {"en": IdSexMismatch.en})
    return number


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """One row to register: the form, or what is wrong with it, and the village it names."""

    form: RegisterHousehold | None
    errors: tuple[FieldError, ...]
    village_code: str | None


def read_entry(raw: object) -> ReadEntry:
    """Check one row of JSON; every field at fault gets its error at once (H-01)."""
    if not isinstance(raw, Mapping):
        not_an_object = FieldError("row", "TYPE_INVALID", "应为对象。", "An object is expected.")
        return ReadEntry(None, (not_an_object,), None)
    errors: list[FieldError] = []
    form = None
    try:
        form = RegisterHousehold.model_validate(raw)
    except ValidationError as refusal:
        errors += field_errors(refusal.errors(include_input=False), skip=0)
    refused = {error.field for error in errors}
    members = raw.get("members")
    if isinstance(members, list):
        head = head_error(str(m.get("relation")) for m in members if isinstance(m, Mapping))
        errors = [error for error in errors if head is None or error.field != "members"]
        errors += [head] if head else []
    village_code = raw.get("village_code")
    named = isinstance(village_code, str) and "village_code" not in refused
    return ReadEntry(form, tuple(errors), village_code if named else None)
