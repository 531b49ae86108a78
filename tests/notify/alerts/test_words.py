"""In which words an organisation is told of an alert."""

from typing import Any

import pytest

from services.notify.queues.domain.alert_words import SAMPLES, TEMPLATES
from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.words import payload_of
from shared.events.base import Event
from shared.events.funds import (
    AllocationIdle,
    ProgressComputed,
    ProjectLate,
    ProjectUnpaid,
    VoucherDue,
    VoucherOverdue,
)
from shared.events.households import (
    HouseholdIncomeAssessed,
    MonitoringClueRaised,
    MonitoringDueSoon,
    MonitoringIdentified,
    MonitoringOverdue,
    MonitoringReviewDue,
    MonitoringRiskCleared,
)
from shared.events.inspection import AbsenceFound, BulletinPublished, RankingPublished
from shared.privacy import holds_identifier
from tests.notify.alerts.conftest import POV, TOWN, alerts, event_of


def texts(event: Event) -> list[str]:
    """What the messages of an event say."""
    return [
        payload_of(
            alert.notices[0].purpose, information=information, data=alert.data, place="桐花村"
        )["text"]
        for alert in alerts(event)
        for information in (False, True)
    ]


def test_a_township_is_told_its_own_place_in_the_ranking() -> None:
    said = {
        alert.notices[0].organisation: payload_of(
            Purpose.RANKING, information=False, data=alert.data, place="宜坪乡"
        )
        for alert in alerts(event_of(RankingPublished))
    }
    assert "列2个乡镇第2位，发现31个问题，已整改12个" in said["TOWN@511132202"]["text"]
    assert "请主要负责人研究整改" in said["TOWN@511132202"]["text"]
    assert "列后三位" not in said[TOWN]["text"]
    assert "不参加排名" in said["TOWN@511132203"]["text"]
    assert "2个乡镇参加排名，1个乡镇列后三位" in said[POV]["text"]
    assert {payload["link"] for payload in said.values()} == {
        "/api/v1/rankings/2086-08?region_code=511132"
    }
    assert "rows" not in said[TOWN]


@pytest.mark.parametrize(
    ("event_class", "facts", "words"),
    [
        (ProgressComputed, {}, "进度65.11%，低于计划进度70.00%，相差4.89个百分点"),
        (ProgressComputed, {"progress_pct": "40.00"}, "请领导小组研究督办"),
        (VoucherDue, {}, "120000.00元的付款须于2086-09-30前提交报账凭证"),
        (VoucherOverdue, {}, "已逾期12天"),
        (AllocationIdle, {}, "已91天没有支出"),
        (ProjectUnpaid, {}, "已11个工作日未付款"),
        (ProjectLate, {}, "到约定期限2086-09-30未完工，已进入逾期第1个月"),
        (ProjectLate, {"due_on": None}, "项目逾期未完工"),
        (HouseholdIncomeAssessed, {}, "比上年下降35.20%"),
        (MonitoringClueRaised, {}, "于2086-09-30前完成认定"),
        (MonitoringIdentified, {}, "认定为突发严重困难户"),
        (MonitoringRiskCleared, {"monitoring_class": None}, "一户监测对象"),
        (MonitoringDueSoon, {}, "还剩3天"),
        (MonitoringDueSoon, {"days_left": 0}, "今天到期"),
        (MonitoringOverdue, {}, "已逾期2天"),
        (MonitoringReviewDue, {}, "应于2086-09-30开展风险消除评估"),
        (AbsenceFound, {}, "请派出单位主要负责同志向县扶贫领导小组办公室说明情况"),
        (AbsenceFound, {"unit_action": None}, "请派出单位主要负责同志督促整改"),
        (
            AbsenceFound,
            {"measure": "ACCOUNTABILITY", "person_action": "REMOVE_FROM_POST"},
            "累计第2次，按规定予以问责，并建议就地免职",
        ),
        (BulletinPublished, {}, "点名2个单位、2项问题"),
    ],
)
def test_a_text_says_what_is_the_matter(
    event_class: type[Event], facts: dict[str, Any], words: str
) -> None:
    said = texts(event_of(event_class, **facts))
    assert any(words in text for text in said), said


def test_what_is_only_for_information_asks_for_nothing() -> None:
    letter, information = texts(event_of(AbsenceFound))
    assert "说明情况" in letter
    assert "说明情况" not in information
    named, leaders = texts(event_of(BulletinPublished))
    assert "立即整改" in named
    assert leaders.endswith("请参阅。")


@pytest.mark.parametrize("purpose", TEMPLATES)
def test_every_template_is_filled_by_its_samples_without_an_identifier(purpose: Purpose) -> None:
    for data in SAMPLES[purpose]:
        for information in (False, True):
            said = payload_of(purpose, information=information, data=data, place="桐花村")
            whole = said["title"] + said["text"]
            assert not holds_identifier(whole)
            assert "None" not in whole + said["link"]
            assert "{" not in whole + said["link"]


@pytest.mark.parametrize("figure", [None, "?"])
def test_a_preview_without_figures_says_no_gap(figure: str | None) -> None:
    data = {**SAMPLES[Purpose.FUND_ALERT][0], "progress_pct": figure}
    said = payload_of(Purpose.FUND_ALERT, information=False, data=data, place="桐花村")
    assert "相差个百分点" in said["text"]
