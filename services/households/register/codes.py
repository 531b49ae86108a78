"""The code tables of the register (C.3); labels are what lists are exchanged by."""

from enum import StrEnum


class Attribute(StrEnum):
    """户属性."""

    GENERAL = "GENERAL"  # 一般贫困户
    DIBAO = "DIBAO"  # 低保贫困户
    TEKUN = "TEKUN"  # 特困供养（五保）贫困户


class PovertyCause(StrEnum):
    """致贫原因, with the four behavioural ones (H-06)."""

    ILLNESS = "ILLNESS"  # 因病
    DISABILITY = "DISABILITY"  # 因残
    SCHOOLING = "SCHOOLING"  # 因学
    DISASTER = "DISASTER"  # 因灾
    LAND = "LAND"  # 缺土地
    WATER = "WATER"  # 缺水
    SKILL = "SKILL"  # 缺技术
    LABOUR = "LABOUR"  # 缺劳力
    CAPITAL = "CAPITAL"  # 缺资金
    TRAFFIC = "TRAFFIC"  # 交通条件落后
    MOTIVATION = "MOTIVATION"  # 自身发展动力不足
    OTHER = "OTHER"  # 其他
    MARRIAGE = "MARRIAGE"  # 因婚
    FUNERAL = "FUNERAL"  # 因丧
    LAZINESS = "LAZINESS"  # 因懒
    GAMBLING = "GAMBLING"  # 因赌
    UNSUPPORTED_ELDER = "UNSUPPORTED_ELDER"  # 因子女不赡养老人


class Tag(StrEnum):
    """Group tags, which are no poverty causes (H-07), and the five classes outside the archive."""

    ELDERLY_ONLY = "ELDERLY_ONLY"
    INTELLECTUAL_DISABILITY = "INTELLECTUAL_DISABILITY"
    SERIOUS_ILLNESS = "SERIOUS_ILLNESS"
    DISABLED = "DISABLED"
    NO_LABOUR = "NO_LABOUR"
    OUT_DIBAO = "OUT_DIBAO"  # 农村低保
    OUT_TEKUN_DISPERSED = "OUT_TEKUN_DISPERSED"  # 分散供养特困
    OUT_SEVERE_DISABLED = "OUT_SEVERE_DISABLED"  # 重残
    OUT_SERIOUS_ILL = "OUT_SERIOUS_ILL"  # 重病
    OUT_MARGINAL = "OUT_MARGINAL"  # 边缘户


class Relation(StrEnum):
    """与户主关系."""

    HEAD = "HEAD"
    SPOUSE = "SPOUSE"
    SON = "SON"
    DAUGHTER = "DAUGHTER"
    DAUGHTER_IN_LAW = "DAUGHTER_IN_LAW"
    SON_IN_LAW = "SON_IN_LAW"
    GRANDCHILD = "GRANDCHILD"
    PARENT = "PARENT"
    GRANDPARENT = "GRANDPARENT"
    SIBLING = "SIBLING"
    OTHER = "OTHER"


class Health(StrEnum):
    """健康状况."""

    HEALTHY = "HEALTHY"
    CHRONIC = "CHRONIC"  # 长期慢性病
    SERIOUS = "SERIOUS"  # 患有大病
    DISABLED = "DISABLED"  # 残疾


class Labour(StrEnum):
    """劳动技能."""

    SKILLED = "SKILLED"  # 技能劳动力
    NORMAL = "NORMAL"  # 普通劳动力
    WEAK = "WEAK"  # 弱/半劳动力
    LOST = "LOST"  # 丧失劳动力
    NONE = "NONE"  # 无劳动力


class Education(StrEnum):
    """文化程度."""

    ILLITERATE = "ILLITERATE"
    PRIMARY = "PRIMARY"
    JUNIOR = "JUNIOR"
    SENIOR = "SENIOR"
    COLLEGE = "COLLEGE"
    BACHELOR_UP = "BACHELOR_UP"


class StudentStatus(StrEnum):
    """在校生状况."""

    NOT_STUDENT = "NOT_STUDENT"
    PRESCHOOL = "PRESCHOOL"
    PRIMARY_1 = "PRIMARY_1"
    PRIMARY_2 = "PRIMARY_2"
    PRIMARY_3 = "PRIMARY_3"
    PRIMARY_4 = "PRIMARY_4"
    PRIMARY_5 = "PRIMARY_5"
    PRIMARY_6 = "PRIMARY_6"
    JUNIOR_1 = "JUNIOR_1"
    JUNIOR_2 = "JUNIOR_2"
    JUNIOR_3 = "JUNIOR_3"
    SENIOR_1 = "SENIOR_1"
    SENIOR_2 = "SENIOR_2"
    SENIOR_3 = "SENIOR_3"
    VOCATIONAL = "VOCATIONAL"
    HIGHER = "HIGHER"


class Joining(StrEnum):
    """How somebody became a member (H-03)."""

    ON_RECORD = "ON_RECORD"  # belonged to the household when it was registered
    BIRTH = "BIRTH"  # 新生
    MARRIAGE = "MARRIAGE"  # 婚入
    MOVE_IN = "MOVE_IN"  # 迁入


class Leaving(StrEnum):
    """How somebody ceased to be a member (H-03)."""

    DEATH = "DEATH"  # 死亡
    MARRIAGE = "MARRIAGE"  # 婚出
    MOVE_OUT = "MOVE_OUT"  # 迁出
