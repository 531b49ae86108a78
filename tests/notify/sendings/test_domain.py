"""When people are written to, and how texts are cut, packed and counted: the rules alone."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.sendings.domain import (
    Saying,
    WorkingHours,
    affordable,
    next_window,
    one_letter,
    packed,
    pieces,
    retry_at,
    short_messages,
)
from shared.workdays import official_calendar

HOURS = WorkingHours(8, 21)
IS_WORKDAY = official_calendar().is_workday


def saying(text: str, title: str = "题") -> Saying:
    """Something to say."""
    return Saying("NEWS", title, text)


@pytest.mark.parametrize(
    ("at", "window"),
    [
        # An ordinary Wednesday.
        ("2026-03-04T08:00", "2026-03-04T08:00"),
        ("2026-03-04T20:59", "2026-03-04T20:59"),
        ("2026-03-04T21:00", "2026-03-05T08:00"),
        ("2026-03-04T07:59", "2026-03-04T08:00"),
        ("2026-03-04T00:00", "2026-03-04T08:00"),
        # An ordinary weekend.
        ("2026-03-06T22:00", "2026-03-09T08:00"),
        ("2026-03-07T10:00", "2026-03-09T08:00"),
        # New Year: 1 to 3 January off, Sunday the 4th is worked.
        ("2025-12-31T21:30", "2026-01-04T08:00"),
        ("2026-01-04T10:00", "2026-01-04T10:00"),
        # Spring Festival: 15 to 23 February off, Saturdays the 14th and 28th are worked.
        ("2026-02-14T10:00", "2026-02-14T10:00"),
        ("2026-02-14T21:00", "2026-02-24T08:00"),
        ("2026-02-17T10:00", "2026-02-24T08:00"),
        ("2026-02-28T12:00", "2026-02-28T12:00"),
        # Labour Day: 1 to 5 May off, Saturday the 9th is worked.
        ("2026-04-30T21:00", "2026-05-06T08:00"),
        ("2026-05-09T09:00", "2026-05-09T09:00"),
        ("2026-05-10T09:00", "2026-05-11T08:00"),
        # National Day: 1 to 7 October off, Sunday 20 September and Saturday 10 October are worked.
        ("2026-09-20T09:00", "2026-09-20T09:00"),
        ("2026-09-30T22:00", "2026-10-08T08:00"),
        ("2026-10-10T09:00", "2026-10-10T09:00"),
        # Of 2027 nothing is announced yet: Monday to Friday, but for the days fixed by statute.
        ("2026-12-31T21:30", "2027-01-04T08:00"),
        ("2027-02-08T10:00", "2027-02-08T10:00"),
        ("2027-04-30T21:00", "2027-05-03T08:00"),
        ("2027-10-01T10:00", "2027-10-04T08:00"),
    ],
)
def test_what_can_wait_goes_out_in_the_working_hours_of_a_workday(at: str, window: str) -> None:
    zone = "+08:00"
    found = next_window(datetime.fromisoformat(at + zone), HOURS, IS_WORKDAY)
    assert found == datetime.fromisoformat(window + zone)


@given(st.integers(0, 500 * 24 * 60))
def test_a_window_is_never_earlier_and_is_its_own_next_window(minutes: int) -> None:
    instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    window = next_window(instant, HOURS, IS_WORKDAY)
    assert window >= instant
    assert next_window(window, HOURS, IS_WORKDAY) == window
    local = window + timedelta(hours=8)
    assert 8 <= local.hour < 21
    assert IS_WORKDAY(date(local.year, local.month, local.day))


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=3000), st.integers(60, 500)
)
def test_pieces_fit_are_numbered_and_hold_the_whole_text(text: str, limit: int) -> None:
    parts = pieces(text, limit)
    assert all(len(part.encode()) <= limit for part in parts)
    if len(parts) == 1:
        assert parts == [text]
        return
    bare = []
    for place, part in enumerate(parts, 1):
        number = f"（{place}/{len(parts)}）"
        assert part.startswith(number)
        bare.append(part.removeprefix(number))
    assert "".join(bare) == text


@given(st.lists(st.text(alphabet="整改abc", max_size=400), max_size=30), st.integers(100, 700))
def test_packing_keeps_order_fits_the_limit_and_completes_each_once(
    texts: Sequence[str], limit: int
) -> None:
    parcels = packed([saying(text) for text in texts], limit)
    assert all(len(parcel.text.encode()) <= limit for parcel in parcels)
    completed = [place for parcel in parcels for place in parcel.completes]
    assert completed == list(range(len(texts)))
    together = re.sub(r"（\d+/\d+）", "", "".join(parcel.text for parcel in parcels))
    wanted = "".join(saying(text).whole for text in texts)
    assert together.replace("\n\n", "") == wanted.replace("\n\n", "")


def test_short_texts_share_one_request_and_a_long_one_takes_several() -> None:
    parcels = packed([saying("甲"), saying("乙"), saying("丙" * 1000), saying("丁")], 2048)
    assert [parcel.carries for parcel in parcels] == [(0, 1), (2,), (2, 3)]
    assert [parcel.completes for parcel in parcels] == [(0, 1), (), (2, 3)]
    assert parcels[0].text == "【题】\n甲\n\n【题】\n乙"


def test_what_is_affordable_never_ends_within_a_text() -> None:
    parcels = packed([saying("甲"), saying("丙" * 1000), saying("丁" * 600)], 2048)
    completes = [[one.completes for one in affordable(parcels, room)] for room in range(5)]
    assert completes == [
        [],
        [(0,)],
        [(0,)],
        [(0,), (), (1,)],
        [(0,), (), (1,), (2,)],
    ]
    assert affordable(parcels, -1) == []


def test_more_than_three_short_messages_become_their_number() -> None:
    three = [saying(text) for text in "甲乙丙"]
    assert [one.saying for one in short_messages(three, 3)] == three
    (counted,) = short_messages([*three, saying("丁")], 3)
    assert counted.saying.template == "COUNT"
    assert counted.saying.variables["count"] == "4"
    assert counted.text == "您有4条新消息，请登录系统查看。"
    assert counted.completes == (0, 1, 2, 3)


def test_a_letter_is_headed_by_its_only_text_or_by_their_number() -> None:
    assert one_letter([saying("甲", "首件")])[0].saying.title == "首件"
    (letter,) = one_letter([saying("甲"), saying("乙")])
    assert letter.saying.title == "您有2条新消息"
    assert letter.text == "【题】\n甲\n\n【题】\n乙"


def test_it_is_tried_again_after_one_five_thirty_minutes_and_two_hours_then_given_up() -> None:
    now = datetime(2026, 3, 4, 9, tzinfo=UTC)
    waits = [retry_at(now, attempts, (1, 5, 30, 120)) for attempts in range(1, 6)]
    assert waits == [
        now + timedelta(minutes=1),
        now + timedelta(minutes=5),
        now + timedelta(minutes=30),
        now + timedelta(hours=2),
        None,
    ]
