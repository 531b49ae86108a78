"""Chinese names of the codes in lists for people (C.4, I-02, B.6); a code without one stays."""

from collections.abc import Mapping

STATES: Mapping[str, str] = {
    "SUSPECTED": "疑似",
    "LOGGED": "已登记",
    "DISPATCHED": "已交办",
    "ACCEPTED": "已接收",
    "DISPUTED": "争议中",
    "PLANNED": "已定方案",
    "RECTIFYING": "整改中",
    "SUBMITTED": "已上报",
    "DEPT_VERIFIED": "部门已核查",
    "TOWN_CHECKED": "乡镇已检查",
    "OFFICE_CHECKED": "扶贫办已抽查",
    "CLOSED": "已销号",
    "WITHDRAWN": "已撤回",
}

TIERS: Mapping[str, str] = {"IMMEDIATE": "即知即改", "GENERAL": "一般", "COMPLEX": "复杂"}

SEVERITIES: Mapping[str, str] = {"PROMINENT": "突出", "GENERAL": "一般"}

COHORTS: Mapping[str, str] = {
    "EXITED": "已脱贫户",
    "EXIT_THIS_YEAR": "当年计划脱贫户",
    "NOT_EXITED": "未脱贫户",
    "NON_ARCHIVED_SPECIAL": "非建档立卡特殊农户",
    "NON_ARCHIVED": "其他非建档立卡户",
    "NONE": "不涉及农户",
}

OBJECT_TYPES: Mapping[str, str] = {
    "HOUSEHOLD": "农户",
    "VILLAGE": "村",
    "TOWNSHIP": "乡镇",
    "COUNTY": "县",
    "PROJECT": "项目",
    "FUND": "资金",
    "PERSON": "人员",
}

SOURCES: Mapping[str, str] = {
    "CENTRAL_INSPECTION": "中央巡视",
    "NATIONAL_ASSESSMENT": "国家考核",
    "PROVINCE_INSPECTION": "省级督导暗访",
    "CITY_INSPECTION": "市级督导暗访",
    "COUNTY_INSPECTION": "县督查组",
    "SPECIAL_INSPECTION": "专项督查",
    "SELF_CHECK": "自查",
    "CROSS_CHECK": "交叉排查",
    "SAMPLE": "抽查",
    "DATA_COMPARISON": "数据比对",
    "VISIT": "走访",
    "AUDIT": "审计",
    "HOTLINE_12317": "12317热线",
    "HOTLINE_12345": "12345热线",
    "PETITION": "来信来访",
    "MEDIA": "舆情",
}

_RULES: Mapping[str, str] = {
    "REQUESTED": "发现人要求",
    "LATE_DAYS": "逾期发现顺延",
    "UNMATCHED_DAYS": "常规时限",
    "SYSTEMIC": "常态化管理",
}


def rule_name(rule_id: str) -> str:
    """The name of a deadline's reason; a rule of a policy is known by its own id (I-23)."""
    return _RULES.get(rule_id, rule_id)
