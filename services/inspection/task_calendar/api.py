"""/task-calendars: a region's year of tasks, each with its term and its person."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from services.inspection.fields import CivilDate
from services.inspection.roles import Reader, Steerer
from services.inspection.task_calendar.commands import (
    DrawnCalendar,
    add_task,
    complete_task,
    create_calendar,
)
from services.inspection.task_calendar.domain import (
    DoneInFuture,
    Due,
    DueInvalid,
    DueOutsideYear,
    PersonRequired,
    Phase,
    PlannedTask,
    TaskState,
    Template,
    UnitOutsideRegion,
    is_overdue,
    parse_due,
    tasks_of,
)
from services.inspection.task_calendar.queries import (
    TaskFilters,
    get_calendar,
    list_calendars,
    list_tasks,
)
from services.inspection.task_calendar.tables import CalendarTask, TaskCalendar
from shared import clock
from shared.errors import IllegalMove, Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.fields import OrganisationCode, PersonName, RegionCode, Title
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/task-calendars", tags=["task-calendars"])

Doer = Annotated[
    Actor,
    allows(
        Role.POVERTY_OFFICE,
        Role.LEADING_GROUP,
        Role.COUNTY_GOV,
        Role.DEPT_HEAD,
        Role.DEPT_HANDLER,
        Role.TOWNSHIP_PARTY_SECRETARY,
        Role.TOWNSHIP_REVIEWER,
        Role.VILLAGE_CADRE,
        Role.RESIDENT_TEAM,
        Role.FINANCE,
        Role.DISCIPLINE,
        Role.OPS,
    ),
]


def _due(value: object) -> Due:
    try:
        if not isinstance(value, str):
            raise DueInvalid
        return parse_due(value)
    except DueInvalid as refusal:
        raise PydanticCustomError(refusal.code, refusal.zh, {"en": refusal.en}) from None


def _blank_is_nobody(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


DueTerm = Annotated[
    Due,
    BeforeValidator(_due),
    WithJsonSchema(
        {
            "type": "string",
            "description": "时限：月、旬或日",
            "examples": ["2019-09", "2019-09 上旬", "2019-09-15"],
        }
    ),
]
Year = Annotated[int, Field(ge=2000, le=2099, examples=[2019])]


class PlanTask(BaseModel):
    """A task with its term and the person who answers for it."""

    model_config = ConfigDict(extra="forbid")

    title: Title = Field(examples=["完成村文化室建设"])
    phase: Phase
    due: DueTerm
    person: Annotated[PersonName | None, BeforeValidator(_blank_is_nobody)] = Field(
        None, description="责任人，必填", examples=["张责任"]
    )
    org: OrganisationCode | None = Field(None, description="责任单位", examples=["CULT@511132"])

    def planned(self, prefix: str = "") -> PlannedTask:
        """The task asked for; `prefix` is the place of its fields in the request."""
        return PlannedTask(prefix, self.title, self.phase, self.due, self.person, self.org)


class DrawCalendar(BaseModel):
    """A new calendar: tasks of its own, those of a template, or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "region_code": "511132",
                    "year": 2019,
                    "name": "2019年脱贫摘帽倒排工期",
                    "template": "SEED",
                    "persons": {
                        "HARDWARE": "张硬件",
                        "FILES": "王资料",
                        "GAPS": "李补短",
                        "SELF_ACCEPTANCE": "赵自验",
                        "ACCEPTANCE": "钱迎检",
                    },
                    "tasks": [
                        {
                            "title": "完成村文化室建设",
                            "phase": "HARDWARE",
                            "due": "2019-05 上旬",
                            "person": "孙文化",
                            "org": "CULT@511132",
                        }
                    ],
                }
            ]
        },
    )

    region_code: RegionCode
    year: Year
    name: Title
    template: Template | None = None
    persons: dict[Phase, PersonName] = Field({}, description="模板各阶段任务的责任人")
    tasks: list[PlanTask] = Field([], max_length=500)

    def planned(self) -> list[PlannedTask]:
        """The template's tasks, then the own ones; raises `PersonRequired`."""
        own = [task.planned(f"tasks.{place}.") for place, task in enumerate(self.tasks)]
        if self.template is None:
            return own
        return [*tasks_of(self.template, self.year, self.persons), *own]


class CompleteTask(BaseModel):
    """When a task was done."""

    model_config = ConfigDict(extra="forbid")

    done_on: CivilDate | None = Field(None, description="完成日期；不填为今天")


class TaskView(BaseModel):
    """A task; `due_on` is the last day of its term, `overdue` judged on the day asked for."""

    id: UUID
    title: str
    phase: Phase
    due: str = Field(examples=["2019-09 上旬"])
    due_on: date
    person: str
    org: str | None
    state: TaskState
    done_on: date | None
    overdue: bool

    @classmethod
    def of(cls, task: CalendarTask, as_of: date) -> "TaskView":
        """The view of a row on a day."""
        return cls(
            **task.model_dump(exclude={"calendar_id", "place"}),
            overdue=is_overdue(task.due_on, task.done_on, as_of),
        )


class CalendarView(BaseModel):
    """A task calendar."""

    id: UUID
    region_code: str
    year: int
    name: str

    @classmethod
    def of(cls, calendar: TaskCalendar) -> "CalendarView":
        """The view of a row."""
        return cls.model_validate(calendar, from_attributes=True)


class DrawnCalendarView(CalendarView):
    """A new task calendar with its tasks."""

    tasks: list[TaskView]

    @classmethod
    def drawn(cls, drawn: DrawnCalendar, today: date) -> "DrawnCalendarView":
        """The view of a calendar and its tasks."""
        tasks = [TaskView.of(task, today) for task in drawn.tasks]
        return cls(**CalendarView.of(drawn.calendar).model_dump(), tasks=tasks)


_TASK_REFUSALS = (Invalid, DueInvalid, PersonRequired, DueOutsideYear, UnitOutsideRegion, NotFound)


@router.post(
    "",
    status_code=201,
    responses=refusals(*_TASK_REFUSALS, IdempotencyConflict, IdempotencyInProgress),
)
async def post_task_calendar(
    body: DrawCalendar, session: WriteSession, once: OnceOnly, actor: Steerer
) -> DrawnCalendarView:
    """Draw up a region's year: every task has a term down to the month, ten days or day, and a
    named person (I-56). The template SEED brings hardware by June, files by August, gaps by
    September, self-acceptance in October, acceptance in November."""
    drawn = await create_calendar(
        session,
        actor,
        region_code=body.region_code,
        year=body.year,
        name=body.name,
        tasks=body.planned(),
    )
    return await once.keep(DrawnCalendarView.drawn(drawn, clock.today()))


@router.post(
    "/{calendar_id}/tasks",
    status_code=201,
    responses=refusals(*_TASK_REFUSALS, IdempotencyConflict, IdempotencyInProgress),
)
async def post_calendar_task(
    calendar_id: UUID, body: PlanTask, session: WriteSession, once: OnceOnly, actor: Steerer
) -> TaskView:
    """Add a task to a calendar (I-56)."""
    task = await add_task(session, actor, calendar_id, body.planned())
    return await once.keep(TaskView.of(task, clock.today()))


@router.post(
    "/{calendar_id}/tasks/{task_id}/complete",
    responses=refusals(Invalid, DoneInFuture, NotFound, IllegalMove),
)
async def post_task_completion(
    calendar_id: UUID, task_id: UUID, body: CompleteTask, session: WriteSession, actor: Doer
) -> TaskView:
    """Complete a task: a department its own, a place those of units in it."""
    today = clock.today()
    task = await complete_task(session, actor, calendar_id, task_id, body.done_on or today)
    return TaskView.of(task, today)


@router.get("", responses=refusals(Invalid))
async def get_task_calendars(
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    year: Annotated[int | None, Query(ge=2000, le=2099)] = None,
) -> Page[CalendarView]:
    """The calendars that concern the caller's region, oldest first."""
    rows = await list_calendars(session, actor, year, page)
    return page.page(rows, CalendarView.of, lambda row: (row.id,))


@router.get("/{calendar_id}", responses=refusals(Invalid, NotFound))
async def get_task_calendar(
    calendar_id: UUID, session: QuerySession, actor: Reader
) -> CalendarView:
    """One calendar."""
    return CalendarView.of(await get_calendar(session, actor, calendar_id))


@router.get("/{calendar_id}/tasks", responses=refusals(Invalid, NotFound))
async def get_calendar_tasks(
    calendar_id: UUID,
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    overdue: bool | None = None,
    as_of: Annotated[CivilDate | None, Query(description="按哪一天判断逾期；不填为今天")] = None,
    phase: Phase | None = None,
) -> Page[TaskView]:
    """A calendar's tasks, the first due first: of the caller's department or place."""
    calendar = await get_calendar(session, actor, calendar_id)
    day = as_of or clock.today()
    filters = TaskFilters(day, overdue, phase)
    rows = await list_tasks(session, actor, calendar.id, filters, page)
    return page.page(rows, lambda row: TaskView.of(row, day), lambda row: (row.due_on, row.id))
