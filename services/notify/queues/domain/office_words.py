"""What messages that offices write themselves say: broadcasts, digests, suspended endpoints."""

from collections.abc import Mapping

from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.templates import Template, Variable

_FAILURES = {
    "STALE": "因长时间未能发出而作废",
    "NO_TEMPLATE": "因没有相应的短信模板",
    "CHANNEL_NOT_CONFIGURED": "因发送通道未配置",
}
_SUSPENSIONS = {
    "GONE": "已答复不再接收推送（410）",
    "FAILING": "连续失败",
}
_FIGURES = {
    "open": "未销号问题数",
    "due_soon": "7日内到期问题数",
    "overdue": "已逾期问题数",
    "waiting": "待核查问题数",
    "new": "本期新增问题数",
    "closed": "本期销号问题数",
}


def _figure(name: str, meaning: str) -> Variable:
    """One of a digest's figures."""
    return Variable(
        frozenset({"figures"}), lambda data, _place: str(data["figures"][name]), meaning
    )


VARIABLES: Mapping[str, Variable] = {
    **{name: _figure(name, meaning) for name, meaning in _FIGURES.items()},
    # Why an answer did not arrive; what else there is stands in its record.
    "failure": Variable(
        frozenset({"reason"}),
        lambda data, _place: _FAILURES.get(data["reason"], "被拒收或多次发送失败"),
    ),
    "suspension": Variable(
        frozenset({"reason"}),
        lambda data, _place: _SUSPENSIONS.get(data["reason"], "不可用"),
        "停用原因",
    ),
}
TEMPLATES: Mapping[Purpose, Template] = {
    Purpose.BROADCAST: Template("{title}", "{text}", link="/api/v1/broadcasts/{broadcast_id}"),
    Purpose.BROADCAST_UNREAD: Template(
        "通知未读名单：{title}",
        "通知“{title}”要求在{read_by}前阅读，应读{recipients}人，仍有{unread}人未读。请督促。",
        link="/api/v1/broadcasts/{broadcast_id}/receipts?read=false",
    ),
    Purpose.DIGEST: Template("{title}", "{text}", link="/api/v1/digests/{digest_id}"),
    Purpose.ENDPOINT_SUSPENDED: Template(
        "推送地址已停用：{organisation}",
        "{organisation}的推送地址{suspension}，已停止推送，未送达的消息予以保留。请检查后重新启用。",
        link="/api/v1/subscriptions/{subscription_id}",
    ),
    Purpose.FEEDBACK_FAILED: Template(
        "信访答复未送达：{petition_no}",
        "信访件{petition_no}的办理结果未能送达信访人，{failure}。请通过其他方式答复并留存记录。",
        link="/api/v1/petition-feedback/{feedback_id}",
    ),
}
