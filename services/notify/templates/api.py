"""GET /templates, POST /templates/preview: what messages say, and what another wording would say.

A wording is stored like every configured value: PUT /config/{region}/{key}.
"""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.templates import Template
from services.notify.queues.domain.words import purpose_name
from services.notify.queues.wordings import WORDINGS, Wording, check_wording, template_in_force
from services.notify.templates import queries
from services.notify.templates.queries import Offered, SampleDataInvalid
from shared import clock
from shared.errors import Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, allows
from shared.web.fields import RegionCode
from shared.web.problem_details import refusals

SETTINGS = tuple(WORDINGS.values())

router = APIRouter(prefix="/templates", tags=["templates"])

Writer = Annotated[Actor, allows(Role.POVERTY_OFFICE, Role.LEADING_GROUP, Role.OPS)]


class WordingView(BaseModel):
    """Title, text, and the text of a copy for information (empty: the same)."""

    title: str
    text: str
    copy_: str = Field(alias="copy", description="抄送件正文，空为同正文")

    @classmethod
    def of(cls, template: Template) -> Self:
        """The view of a template."""
        return cls(title=template.title, text=template.text, copy=template.copy)


class VariableView(BaseModel):
    """What may stand in braces in a template."""

    name: str = Field(examples=["due"])
    description: str = Field(examples=["整改期限"])
    example: str = Field(examples=["整改期限2086-04-01"])


class TemplateView(BaseModel):
    """The template in force of a purpose; stored under `key` by PUT /config/{region}/{key}."""

    purpose: Purpose
    name: str = Field(examples=["整改任务"])
    key: str = Field(examples=["template_dispatch"])
    template: WordingView
    variables: list[VariableView]
    event_types: list[str] = Field(description="哪些事件产生此类消息")

    @classmethod
    def of(cls, offered: Offered) -> Self:
        """The view of a template with what it may name."""
        return cls(
            purpose=offered.purpose,
            name=purpose_name(offered.purpose),
            key=offered.key,
            template=WordingView.of(offered.template),
            variables=[
                VariableView(name=one.name, description=one.meaning, example=one.example)
                for one in offered.variables
            ],
            event_types=offered.event_types,
        )


class Templates(BaseModel):
    """The templates in force for the organisations of a region today."""

    region: str
    items: list[TemplateView]


class PreviewTemplate(BaseModel):
    """A wording to be tried out (None: the one in force) on example data; `data` replace fields of
    the event by others."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "purpose": "REMINDER",
                    "region": "511132",
                    "template": {
                        "title": "整改提醒：{kind}",
                        "text": "{subject}{remaining}，{due}。请{lead}抓紧办理。",
                    },
                    "data": {"days_left": 1},
                }
            ]
        },
    )

    purpose: Purpose
    region: RegionCode = Field(description="为哪个区划的单位")
    template: Wording | None = Field(None, description="试用的模板；不填为现行模板")
    data: dict[str, Any] = Field({}, max_length=50, description="替换示例数据的事件字段")


class TemplatePreview(BaseModel):
    """What a message would say; `copy` is the text of a copy for information."""

    title: str
    text: str
    copy_: str = Field(alias="copy", description="抄送件正文")


@router.get("", responses=refusals(NotFound))
async def list_templates(
    session: QuerySession,
    runtime: RunningService,
    actor: Writer,
    region: Annotated[RegionCode | None, Query(description="区划；不填为本单位所属区划")] = None,
) -> Templates:
    """What messages of each purpose say in a region, and which variables their templates take."""
    region = region or actor.region
    actor.must_cover(region)
    offered = await queries.list_templates(session, runtime.configuration, region, clock.today())
    return Templates(region=region, items=[TemplateView.of(one) for one in offered])


@router.post("/preview", responses=refusals(NotFound, Invalid, SampleDataInvalid))
async def preview_template(
    body: PreviewTemplate, session: QuerySession, runtime: RunningService, actor: Writer
) -> TemplatePreview:
    """What a message would say, without storing or sending anything."""
    actor.must_cover(body.region)
    if body.template is None:
        template = template_in_force(
            runtime.configuration, body.purpose, body.region, clock.today()
        )
    else:
        check_wording(body.purpose, body.template, "template.")
        template = Template(body.template.title, body.template.text, body.template.copy)
    said = await queries.preview(session, body.purpose, template, body.region, body.data)
    return TemplatePreview(title=said.title, text=said.text, copy=said.copy)
