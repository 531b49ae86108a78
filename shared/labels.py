"""Chinese names of organisations and problem kinds (C.4), as every service shows them."""

from collections.abc import Mapping

DEPARTMENTS: Mapping[str, str] = {
    "ORG": "组织部门",
    "EDU": "教育部门",
    "HOUS": "住建部门",
    "CIVIL": "民政部门",
    "HEALTH": "卫健部门",
    "MEDINS": "医保部门",
    "WATER": "水利部门",
    "DPF": "残联",
    "TRANS": "交通部门",
    "NDRC": "发改部门",
    "MIIT": "工信部门",
    "AGRI": "农业农村部门",
    "FIN": "财政部门",
    "HRSS": "人社部门",
    "FOREST": "林业部门",
    "BANK": "金融部门",
    "CULT": "文旅部门",
    "POWER": "电力部门",
    "POV": "扶贫部门",
    "DISC": "纪委监委",
    "LG": "领导小组",
    "TOWN": "乡镇",
}

KINDS: Mapping[str, str] = {
    "TEAM_ABSENCE": "驻村工作队脱岗",
    "TEAM_COVERAGE": "驻村工作队未全覆盖",
    "WEAK_BRANCH": "基层党组织软弱涣散",
    "EDU_DROPOUT": "义务教育阶段失学辍学",
    "EDU_AID_MISSING": "教育资助未落实",
    "EDU_HOME_TEACHING": "送教上门不到位",
    "EDU_HISTORIC_DROPOUT": "历史辍学",
    "HOUSING_UNSAFE": "住房安全无保障",
    "HOUSING_UNAPPRAISED": "住房未作安全鉴定",
    "HOLLOW_HOUSE": "空心房未拆除",
    "SAFETYNET_MISSING": "兜底保障未落实",
    "HEALTH_DOCTOR_SIGN": "家庭医生签约服务不到位",
    "CLINIC_SUBSTANDARD": "村卫生室不达标",
    "MEDICAL_UNINSURED": "未参加基本医疗保险",
    "MEDICAL_SETTLEMENT": "医疗费用结算不到位",
    "WATER_UNSAFE": "饮水安全无保障",
    "DISABILITY_UNCERTIFIED": "残疾未评定",
    "DISABILITY_SUBSIDY": "残疾人补贴未落实",
    "ROAD_SUBSTANDARD": "通村道路不达标",
    "RELOCATION_NOT_IN": "易地搬迁未入住",
    "RELOCATION_OLD_HOUSE": "搬迁旧房未拆除",
    "RELOCATION_FACILITY": "安置点设施不完善",
    "RELOCATION_FOLLOWUP": "搬迁后续扶持不到位",
    "NETWORK_SUBSTANDARD": "通信网络不达标",
    "INCOME_BELOW_LINE": "收入不达标",
    "INCOME_SUDDEN_DROP": "收入骤减",
    "INDUSTRY_NOT_COVERED": "产业帮扶未覆盖",
    "INDUSTRY_NO_LINKAGE": "产业利益联结缺失",
    "COLLECTIVE_ECONOMY": "村集体经济薄弱",
    "AGRI_INSURANCE": "农业保险未落实",
    "ENVIRONMENT": "人居环境不达标",
    "FUND_SLOW": "资金支出进度滞后",
    "FUND_IRREGULAR": "资金使用不规范",
    "ONECARD_FAIL": "一卡通发放失败",
    "EMPLOYMENT_SUBSIDY": "就业补贴未落实",
    "WORKSHOP": "帮扶车间问题",
    "PUBLIC_POST": "公益性岗位问题",
    "FOREST_RANGER": "生态护林员管理问题",
    "MICROCREDIT": "小额信贷问题",
    "TV_SUBSTANDARD": "广播电视不达标",
    "CULTURE_ROOM_SUBSTANDARD": "文化室不达标",
    "POWER_SUBSTANDARD": "生活用电不达标",
    "PV_SETTLEMENT": "光伏收益结算问题",
    "ID_MISSED": "漏评",
    "ID_WRONG": "错评",
    "EXIT_WRONG": "错退",
    "PROCEDURE_DEFECT": "程序不规范",
    "ARCHIVE_DEFECT": "档案资料不完善",
    "PLAN_COPY_PASTE": "帮扶计划雷同",
    "HELPER_MISSING": "帮扶责任人未落实",
    "ASSET_UNREGISTERED": "扶贫资产未登记",
    "NON_COOPERATION": "不配合检查",
    "STYLE": "作风问题",
    "FALSE_RECTIFICATION": "虚假整改",
    "CORRUPTION_EMBEZZLE": "贪污侵占",
    "CORRUPTION_BRIBERY": "行贿受贿",
    "CORRUPTION_FALSE_CLAIM": "虚报冒领",
    "CORRUPTION_MISAPPROPRIATE": "截留挪用",
    "CORRUPTION_WASTE": "挥霍浪费",
    "CORRUPTION_EXTORTION": "吃拿卡要",
    "CORRUPTION_NEPOTISM": "优亲厚友",
}


def department_name(organisation: str) -> str:
    """The Chinese name of an organisation's kind (`HOUS`, `HOUS@511132`); its code where it has
    none."""
    unit = organisation.partition("@")[0]
    return DEPARTMENTS.get(unit, unit)


def kind_name(kind: str) -> str:
    """The Chinese name of a problem kind; its code where it has none."""
    return KINDS.get(kind, kind)
