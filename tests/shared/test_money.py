"""Amounts are exact: what is read, converted, split and written says the same fen."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import (
    MAXIMUM_FEN,
    AmountInvalid,
    AmountNegative,
    CapitalAmountInvalid,
    PercentInvalid,
    display,
    from_capitals,
    from_fen,
    parse_percent,
    parse_wan,
    parse_yuan,
    percent,
    split_evenly,
    to_capitals,
    to_fen,
    to_wan,
)

all_fen = st.integers(0, MAXIMUM_FEN)

# The examples of the rules of writing annexed to 支付结算办法, and what software gets wrong.
CAPITALS = [
    (140950, "人民币壹仟肆佰零玖元伍角"),
    (600714, "人民币陆仟零柒元壹角肆分"),
    (168032, "人民币壹仟陆佰捌拾元零叁角贰分"),
    (10700053, "人民币壹拾万柒仟元零伍角叁分"),
    (1640902, "人民币壹万陆仟肆佰零玖元零贰分"),
    (32504, "人民币叁佰贰拾伍元零肆分"),
    (0, "人民币零元整"),
    (5, "人民币伍分"),
    (50, "人民币伍角"),
    (55, "人民币伍角伍分"),
    (100, "人民币壹元整"),
    (1000, "人民币壹拾元整"),
    (1_000_000, "人民币壹万元整"),
    (1_000_100, "人民币壹万零壹元整"),
    (10_000_100_010, "人民币壹亿零壹仟元零壹角"),
    (10_000_000_000, "人民币壹亿元整"),
    (6_511_000_000, "人民币陆仟伍佰壹拾壹万元整"),
    (100_000_000_000_000, "人民币壹万亿元整"),
    (100_010_000_000_000, "人民币壹万零壹亿元整"),
    (
        MAXIMUM_FEN,
        "人民币玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分",
    ),
]


@pytest.mark.parametrize(
    ("text", "yuan"),
    [("0", "0.00"), ("0.5", "0.50"), ("10000.00", "10000.00"), ("99999999999999.99",) * 2],
)
def test_a_plain_decimal_string_is_read_as_yuan(text: str, yuan: str) -> None:
    assert str(parse_yuan(text)) == yuan


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "01",
        ".5",
        "1.",
        "1.234",
        "1e3",
        "1E3",
        "NaN",
        "Infinity",
        "1,000.00",
        "1_000",
        "１００",
        "٣",
        "一百",
        "100000000000000",
        "1\n",
        "--1",
    ],
)
def test_anything_else_is_amount_invalid(text: str) -> None:
    with pytest.raises(AmountInvalid) as refusal:
        parse_yuan(text)
    assert refusal.value.code == "AMOUNT_INVALID"


def test_a_negative_amount_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(AmountNegative) as refusal:
        parse_yuan("-0.01")
    assert refusal.value.code == "AMOUNT_NEGATIVE"
    assert parse_yuan("-0.01", negative=True) == Decimal("-0.01")
    assert str(parse_yuan("-0", negative=True)) == "0.00"


@pytest.mark.parametrize(
    ("wan", "yuan"),
    [
        ("1", "10000.00"),
        ("0.000001", "0.01"),
        ("12.345678", "123456.78"),
        ("9999999999.999999", "99999999999999.99"),
    ],
)
def test_ten_thousands_with_six_decimals_convert_exactly(wan: str, yuan: str) -> None:
    assert str(parse_wan(wan)) == yuan
    assert to_wan(Decimal(yuan)) == Decimal(wan)


@pytest.mark.parametrize("text", ["0.0000001", "10000000000", "1万", "1e2"])
def test_ten_thousands_beyond_a_fen_or_16_digits_are_refused(text: str) -> None:
    with pytest.raises(AmountInvalid):
        parse_wan(text)


def test_negative_ten_thousands_are_refused_unless_allowed() -> None:
    with pytest.raises(AmountNegative):
        parse_wan("-1")
    assert parse_wan("-1", negative=True) == Decimal(-10000)


@given(all_fen)
def test_fen_yuan_and_ten_thousands_say_the_same(fen: int) -> None:
    yuan = from_fen(fen)
    assert to_fen(yuan) == fen
    assert parse_yuan(str(yuan)) == yuan
    assert parse_wan(f"{to_wan(yuan):f}") == yuan


@pytest.mark.parametrize("yuan", ["0.001", "NaN", "Infinity"])
def test_an_amount_that_is_no_whole_number_of_fen_has_no_fen(yuan: str) -> None:
    with pytest.raises(AmountInvalid):
        to_fen(Decimal(yuan))


@pytest.mark.parametrize("text", ["0", "100", "100.00", "65.11", "99.9"])
def test_a_percentage_from_0_to_100_is_read(text: str) -> None:
    assert parse_percent(text) == Decimal(text)


@pytest.mark.parametrize("text", ["", "-1", "100.01", "101", "1.234", "01", "1e1", "50%", "５０"])
def test_any_other_percentage_is_percent_invalid(text: str) -> None:
    with pytest.raises(PercentInvalid) as refusal:
        parse_percent(text)
    assert refusal.value.code == "PERCENT_INVALID"


def test_a_percentage_is_unrounded_until_it_is_displayed() -> None:
    rate = percent(5536, 5873)
    assert rate is not None
    assert display(rate) == "94.26"
    assert rate < Decimal("94.262")
    assert rate != Decimal("94.26")
    assert percent(Decimal("65110000.00"), Decimal("100000000.00")) == Decimal("65.11")


def test_a_percentage_of_nothing_is_none() -> None:
    assert percent(1, 0) is None
    assert percent(Decimal(1), Decimal("0.00")) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [("0.005", "0.01"), ("0.0049", "0.00"), ("-0.001", "0.00"), ("-0.005", "-0.01"), ("2", "2.00")],
)
def test_display_rounds_half_up_and_knows_no_negative_zero(value: str, shown: str) -> None:
    assert display(Decimal(value)) == shown


def test_ten_thousand_over_three_households_sums_to_ten_thousand() -> None:
    shares = split_evenly(Decimal("10000.00"), 3)
    assert shares == [Decimal("3333.34"), Decimal("3333.33"), Decimal("3333.33")]


@given(all_fen, st.integers(1, 500))
def test_shares_sum_exactly_and_differ_by_at_most_a_fen(fen: int, parts: int) -> None:
    shares = split_evenly(from_fen(fen), parts)
    assert len(shares) == parts
    assert sum(map(to_fen, shares)) == fen
    assert to_fen(shares[0]) - to_fen(shares[-1]) in (0, 1)


def test_an_amount_cannot_be_split_into_no_parts() -> None:
    with pytest.raises(ValueError, match="parts"):
        split_evenly(Decimal(1), 0)


@pytest.mark.parametrize(("fen", "capitals"), CAPITALS)
def test_capital_characters_follow_the_examples_of_the_rules(fen: int, capitals: str) -> None:
    assert to_capitals(fen) == capitals
    assert from_capitals(capitals) == fen


@given(all_fen)
def test_capital_characters_read_back_to_the_same_fen(fen: int) -> None:
    assert from_capitals(to_capitals(fen)) == fen


@pytest.mark.parametrize(
    ("fen", "capitals"),
    [
        (10700053, "壹拾万零柒仟元伍角叁分"),
        (168032, "人民币壹仟陆佰捌拾元叁角贰分"),
        (140950, "人民币壹仟肆佰零玖元伍角整"),
        (100, "壹圆正"),
        (50, "伍角整"),
    ],
)
def test_the_other_forms_the_rules_allow_are_read_too(fen: int, capitals: str) -> None:
    assert from_capitals(capitals) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "人民币",
        "元整",
        "壹元",
        "壹仟玖元整",
        "壹零元整",
        "拾元整",
        "壹元伍分",
        "壹元零伍分整",
        "一百元整",
        "壹佰贰元整",
        "壹元整 ",
        "壹元整壹元整",
        "负壹元整",
        "壹亿亿元整",
        "亿" * 50_000 + "元整",
    ],
)
def test_capitals_that_break_the_rules_are_capital_amount_invalid(text: str) -> None:
    with pytest.raises(CapitalAmountInvalid) as refusal:
        from_capitals(text)
    assert refusal.value.code == "CAPITAL_AMOUNT_INVALID"


@given(st.text("零壹贰叁玖拾佰仟万亿元圆角分整正人民币", max_size=30))
def test_capitals_are_read_only_as_they_would_be_written(text: str) -> None:
    try:
        fen = from_capitals(text)
    except CapitalAmountInvalid:
        return
    assert from_capitals(to_capitals(fen)) == fen


@pytest.mark.parametrize("fen", [-1, MAXIMUM_FEN + 1])
def test_amounts_beyond_16_digits_are_not_written_in_capitals(fen: int) -> None:
    with pytest.raises(AmountInvalid):
        to_capitals(fen)
