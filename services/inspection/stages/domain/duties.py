"""The departments' verification duties (I-15): one check item per department and campaign."""

from collections.abc import Mapping
from datetime import date

from services.inspection.campaigns.domain import STAGES, CampaignState, CampaignType
from services.inspection.routing.domain import Department

# C.4: the 18 line departments, and the poverty office, which runs the comparison.
DUTIES: Mapping[Department, str] = {
    Department.ORG: (
        "核查驻村帮扶工作队派驻全覆盖情况，2013年以来派驻批次和人数，以及日常管理情况。"
    ),
    Department.EDU: "核查在校学生基础数据、教育资助落实、控辍保学、送教上门和“三帮一”情况。",
    Department.HOUS: (
        "核查建档立卡户、低保户、特困户、重病重残户住房安全及其“3+1”保障情况，"
        "房屋安全鉴定情况，2014年以来危房改造情况。"
    ),
    Department.CIVIL: "核查低保、兜底保障、特困供养基础数据及其“3+1”保障情况，社会救助情况。",
    Department.HEALTH: (
        "核查家庭医生签约服务、大病患者“3+1”保障情况，村卫生室达标和合格村医配备情况。"
    ),
    Department.MEDINS: "核查参保基础数据和参保补贴、“一站式”结算、先诊疗后付费落实情况。",
    Department.WATER: "核查饮水安全基础数据和政策落实情况。",
    Department.DPF: "核查残疾人口数据、重度残疾人“3+1”保障情况，残疾评定和补贴发放情况。",
    Department.TRANS: "核查通村道路，以及25户或100人以上自然村通路情况。",
    Department.NDRC: ("核查易地扶贫搬迁基础数据、旧房拆除、搬迁入住、后续扶持和配套设施建设情况。"),
    Department.MIIT: "核查行政村通光纤，以及20户以上自然村通光纤和4G网络情况。",
    Department.AGRI: (
        "核查产业基地、村村户户产业覆盖、合作社和龙头企业、利益联结、产品销售、资产收益、"
        "农业保险和村集体经济情况。"
    ),
    Department.FIN: "核查财政专项扶贫资金预算安排达标、“一卡通”发放、涉农资金整合和使用合规情况。",
    Department.HRSS: "核查务工交通补贴、扶贫车间和公益性岗位情况。",
    Department.FOREST: "核查生态护林员选聘和劳务报酬足额按时发放情况。",
    Department.BANK: "核查扶贫小额信贷发放和回收情况。",
    Department.CULT: "核查村广播和电视户户通覆盖情况。",
    Department.POWER: "核查农网改造、户户通电和光伏扶贫电费结算情况。",
    Department.POV: "核查识别退出、动态调整和扶贫资产情况，组织数据比对并交办。",
}


def duty_stage(kind: CampaignType) -> CampaignState:
    """The stage by whose end the departments must have checked: the one after PREPARE."""
    return STAGES[kind][1]


def is_missing(
    *, submitted_on: date | None, until: date | None, stage_left: bool, today: date
) -> bool:
    """Whether a department has no submitted check by the stage's end, the day `until`; without a
    planned day the stage ends when it is left."""
    if until is None:
        return stage_left and submitted_on is None
    if submitted_on is not None:
        return submitted_on > until
    return stage_left or today > until
