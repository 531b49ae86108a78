"""Amounts in yuan as exact decimals: reading, 万元, fen, per cent, splitting, capital characters.

Comparisons use unrounded values; only `display` rounds, and it rounds half up.
"""

import re
from decimal import ROUND_HALF_UP, Decimal

from shared.errors import Invalid


class AmountInvalid(Invalid):
    """The amount of money is malformed."""

    code = "AMOUNT_INVALID"
    zh = "金额应为字符串形式的十进制数，单位元，至多14位整数、2位小数。"
    en = "An amount is a decimal string in yuan with at most 14 whole digits and 2 decimals."


class AmountNegative(Invalid):
    """The amount of money must not be negative."""

    code = "AMOUNT_NEGATIVE"
    zh = "金额不得为负数。"
    en = "The amount must not be negative."


class PercentInvalid(Invalid):
    """The percentage is malformed."""

    code = "PERCENT_INVALID"
    zh = "百分比应为0至100之间、至多2位小数的十进制数。"
    en = "A percentage is a decimal string from 0 to 100 with at most 2 decimals."


class CapitalAmountInvalid(Invalid):
    """The amount in capital characters is malformed."""

    code = "CAPITAL_AMOUNT_INVALID"
    zh = "人民币大写金额书写不规范。"
    en = "The amount in capital characters breaks the rules of writing."


FEN = Decimal("0.01")
MAXIMUM_FEN = 10**16 - 1

_YUAN = re.compile(r"-?(?:0|[1-9][0-9]{0,13})(?:\.[0-9]{1,2})?")
_WAN = re.compile(r"-?(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,6})?")
_PERCENT = re.compile(r"(?:100(?:\.0{1,2})?|[1-9]?[0-9](?:\.[0-9]{1,2})?)")


def parse_yuan(text: str, *, negative: bool = False) -> Decimal:
    """A plain decimal string as yuan with 2 decimals.

    Raises `AmountInvalid` on anything else (exponent, NaN, separators, blanks, full-width or
    superfluous digits, more than 16 digits in all) and `AmountNegative` unless `negative` is set.
    """
    return _parsed(text, _YUAN, negative).quantize(FEN)


def parse_wan(text: str, *, negative: bool = False) -> Decimal:
    """A string in 万元 with at most 6 decimals as yuan, exactly; refusals as in `parse_yuan`."""
    return _parsed(text, _WAN, negative).scaleb(4).quantize(FEN)


def to_wan(yuan: Decimal) -> Decimal:
    """Yuan as 万元, exactly."""
    return yuan.scaleb(-4)


def to_fen(yuan: Decimal) -> int:
    """Yuan as integer fen; raises `AmountInvalid` when they are no whole number of fen."""
    fen = yuan.scaleb(2)
    if not yuan.is_finite() or fen != fen.to_integral_value():
        raise AmountInvalid
    return int(fen)


def from_fen(fen: int) -> Decimal:
    """Integer fen as yuan with 2 decimals."""
    return Decimal(fen).scaleb(-2)


def parse_percent(text: str) -> Decimal:
    """A plain decimal string from 0 to 100 with at most 2 decimals; raises `PercentInvalid`."""
    if not _PERCENT.fullmatch(text):
        raise PercentInvalid
    return Decimal(text)


def percent(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """`part` in per cent of `whole`, unrounded (28 significant digits); None when `whole` is 0."""
    return Decimal(part) * 100 / whole if whole else None


def display(value: Decimal) -> str:
    """`value` with 2 decimals, rounded half up, never "-0.00": for people, not for comparisons."""
    return f"{value.quantize(FEN, ROUND_HALF_UP):z.2f}"


def split_evenly(yuan: Decimal, parts: int) -> list[Decimal]:
    """`yuan` in `parts` shares, larger ones first, at most one fen apart, that sum exactly."""
    if parts < 1:
        raise ValueError("parts must be positive")
    share, larger = divmod(to_fen(yuan), parts)
    return [from_fen(share + 1)] * larger + [from_fen(share)] * (parts - larger)


def to_capitals(fen: int) -> str:
    """An amount as it is written on vouchers: 140950 fen → 人民币壹仟肆佰零玖元伍角.

    Follows the rules of writing annexed to 支付结算办法; where they leave 零 to the writer, this
    follows the first form of their examples. Raises `AmountInvalid` below 0 and above 16 digits.
    """
    if not 0 <= fen <= MAXIMUM_FEN:
        raise AmountInvalid
    return "人民币" + _written(fen, zero_in_whole=False, zero_before_jiao=True)


def from_capitals(text: str) -> int:
    """The fen that an amount in capital characters stands for; raises `CapitalAmountInvalid`.

    Accepts every form the rules allow: with or without 人民币, 整 or 正, 元 or 圆, 整 after 角, and
    零 where it is optional.
    """
    written = text.removeprefix("人民币").replace("圆", "元").replace("正", "整")
    if written.endswith("角整"):
        written = written[:-1]
    fen = _read(written) if len(written) <= _LONGEST_CAPITALS else -1
    if not 0 <= fen <= MAXIMUM_FEN:
        raise CapitalAmountInvalid
    forms = {
        _written(fen, zero_in_whole=in_whole, zero_before_jiao=before_jiao)
        for in_whole in (False, True)
        for before_jiao in (False, True)
    }
    if written not in forms:
        raise CapitalAmountInvalid
    return fen


_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = (("亿", 10**8), ("万", 10**4), ("仟", 1000), ("佰", 100), ("拾", 10))
_UNIT_VALUES = dict(_UNITS)
_LONGEST_CAPITALS = 40


def _parsed(text: str, pattern: re.Pattern[str], negative: bool) -> Decimal:
    if not pattern.fullmatch(text):
        raise AmountInvalid
    if text.startswith("-") and not negative:
        raise AmountNegative
    return Decimal(text) + 0  # turns -0 into 0


def _written(fen: int, *, zero_in_whole: bool, zero_before_jiao: bool) -> str:
    yuan, cents = divmod(fen, 100)
    jiao, cent = divmod(cents, 10)
    text = _whole(yuan, zero_in_whole) + "元" if yuan or not cents else ""
    if not cents:
        return text + "整"
    if yuan and (not jiao or (zero_before_jiao and yuan % 10 == 0)):
        text += "零"
    if jiao:
        text += _DIGITS[jiao] + "角"
    if cent:
        text += _DIGITS[cent] + "分"
    return text


def _whole(number: int, zero_after_round: bool) -> str:
    """`number` in capitals; `zero_after_round` writes 零 also between 拾万 and 柒仟."""
    for unit, value in _UNITS:
        if number >= value:
            head, tail = divmod(number, value)
            gap = tail < value // 10 or (zero_after_round and head % 10 == 0)
            rest = ("零" if gap else "") + _whole(tail, zero_after_round) if tail else ""
            return _whole(head, zero_after_round) + unit + rest
    return _DIGITS[number]


def _read(written: str) -> int:
    """The fen of `written` if it is well formed, any number if it is not."""
    whole, yuan, cents = written.rpartition("元")
    fen = _read_whole(whole) * 100 if yuan else 0
    for unit, value in (("角", 10), ("分", 1)):
        before, found, _ = cents.partition(unit)
        if found and before:
            fen += max(_DIGITS.find(before[-1]), 0) * value
    return fen


def _read_whole(text: str) -> int:
    for unit in ("亿", "万"):
        head, found, tail = text.rpartition(unit)
        if found:
            return _read_whole(head) * _UNIT_VALUES[unit] + _read_whole(tail)
    total = digit = 0
    for character in text:
        if character in _UNIT_VALUES:
            total += digit * _UNIT_VALUES[character]
            digit = 0
        else:
            digit = max(_DIGITS.find(character), 0)
    return total + digit
