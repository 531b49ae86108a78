"""Numbers of people, organisations, accounts and telephones against their standards' tables."""

from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.synthetic import make_bank_card, make_mobile, make_resident_id, make_uscc
from shared.validators import (
    AccountInvalid,
    IdChecksum,
    IdDate,
    IdFormat,
    IdSexMismatch,
    PhoneInvalid,
    Sex,
    UsccChecksum,
    id_check_character,
    luhn_check_digit,
    parse_bank_card,
    parse_mobile,
    parse_resident_id,
    parse_uscc,
    region_warning,
    uscc_check_character,
    years_between,
)

TODAY = date(2026, 11, 22)
BIRTHDAY = date(1956, 3, 12)

counties = st.sampled_from(["511132", "430726", "360734", "620523"])
birthdays = st.dates(date(1897, 1, 1), TODAY)
sexes = st.sampled_from(Sex)


def completed(first17: str) -> str:
    return first17 + id_check_character(first17)


@pytest.mark.parametrize(
    ("first17", "check"), [("11010519491231002", "X"), ("44052418800101001", "4")]
)
def test_the_examples_of_gb_11643_have_their_check_characters(first17: str, check: str) -> None:
    assert id_check_character(first17) == check


@given(counties, birthdays, sexes, st.integers(0, 49))
def test_a_made_resident_id_says_what_it_was_made_of(
    county: str, birthday: date, sex: Sex, ordinal: int
) -> None:
    number = make_resident_id(county, birthday, sex, ordinal)
    identity = parse_resident_id(number, TODAY, sex)
    assert (identity.number, identity.prefix6) == (number, county)
    assert (identity.birth_date, identity.sex) == (birthday, sex)
    assert 900 <= int(number[14:17]) <= 999


@given(counties, birthdays, sexes, st.integers(0, 49), st.integers(0, 17), st.integers(1, 9))
def test_any_single_wrong_digit_is_noticed(
    county: str, birthday: date, sex: Sex, ordinal: int, place: int, step: int
) -> None:
    number = make_resident_id(county, birthday, sex, ordinal)
    old = 10 if number[place] == "X" else int(number[place])
    wrong = number[:place] + str((old + step) % 10) + number[place + 1 :]
    if wrong == number:
        return
    with pytest.raises((IdChecksum, IdFormat)):
        parse_resident_id(wrong, TODAY)


@given(counties, birthdays, sexes, st.integers(0, 49), st.integers(0, 16))
def test_two_neighbouring_digits_in_the_wrong_order_are_noticed(
    county: str, birthday: date, sex: Sex, ordinal: int, place: int
) -> None:
    number = make_resident_id(county, birthday, sex, ordinal)
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    if swapped == number:
        return
    with pytest.raises((IdChecksum, IdFormat)):
        parse_resident_id(swapped, TODAY)


def test_small_x_full_width_digits_and_blanks_around_are_brought_into_normal_form() -> None:
    ending_in_x = next(
        number
        for ordinal in range(50)
        if (number := make_resident_id("511132", BIRTHDAY, Sex.MALE, ordinal)).endswith("X")
    )
    full_width = "".join(chr(ord(character) + 0xFEE0) for character in ending_in_x.lower())
    for text in (ending_in_x.lower(), full_width, f" {ending_in_x}\u3000"):
        assert parse_resident_id(text, TODAY).number == ending_in_x


@pytest.mark.parametrize(
    "text",
    [
        "",
        "511132560312901",
        "51113219560312901",
        "5111321956031290123",
        "011132195603129010",
        "51113219560312901A",
        "5111321956031290X0",
        "511132 19560312901",
        "5.11132195603129e17",
        "٥١١١٣٢١٩٥٦٠٣١٢٩٠١٠",
        "五一一一三二一九五六〇三一二九〇一〇",
    ],
)
def test_what_is_not_18_characters_of_an_id_is_id_format(text: str) -> None:
    with pytest.raises(IdFormat) as refusal:
        parse_resident_id(text, TODAY)
    assert refusal.value.code == "ID_FORMAT"


def test_a_wrong_check_character_is_id_checksum() -> None:
    number = make_resident_id("511132", BIRTHDAY, Sex.MALE, 0)
    wrong = number[:17] + ("0" if number[17] != "0" else "1")
    with pytest.raises(IdChecksum) as refusal:
        parse_resident_id(wrong, TODAY)
    assert refusal.value.code == "ID_CHECKSUM"


@pytest.mark.parametrize(
    "birthday", ["20230229", "19561301", "19560012", "19560100", "19560431", "00000101"]
)
def test_a_day_that_does_not_exist_is_id_date(birthday: str) -> None:
    with pytest.raises(IdDate) as refusal:
        parse_resident_id(completed(f"511132{birthday}901"), TODAY)
    assert refusal.value.code == "ID_DATE"


def test_a_child_born_today_is_accepted_and_one_born_tomorrow_is_id_date() -> None:
    newborn = make_resident_id("511132", TODAY, Sex.FEMALE, 0)
    assert parse_resident_id(newborn, TODAY).age_on(TODAY) == 0
    tomorrow = make_resident_id("511132", TODAY + timedelta(days=1), Sex.FEMALE, 0)
    with pytest.raises(IdDate):
        parse_resident_id(tomorrow, TODAY)


def test_the_130th_birthday_is_the_first_day_too_old() -> None:
    number = make_resident_id("511132", date(1896, 11, 22), Sex.FEMALE, 0)
    assert parse_resident_id(number, TODAY - timedelta(days=1)).birth_date.year == 1896
    with pytest.raises(IdDate):
        parse_resident_id(number, TODAY)


def test_a_person_born_before_the_county_had_its_code_is_accepted() -> None:
    # 511132 is in the code lists from 1985 only.
    assert parse_resident_id(make_resident_id("511132", BIRTHDAY, Sex.MALE, 3), TODAY)


@pytest.mark.parametrize("prefix", ["810000", "820000", "830000"])
def test_the_residence_permit_of_hong_kong_macao_and_taiwan_is_accepted(prefix: str) -> None:
    assert parse_resident_id(make_resident_id(prefix, BIRTHDAY, Sex.MALE, 3), TODAY)


@given(counties, birthdays, sexes, st.integers(0, 49))
def test_the_other_sex_is_id_sex_mismatch(
    county: str, birthday: date, sex: Sex, ordinal: int
) -> None:
    other = Sex.MALE if sex is Sex.FEMALE else Sex.FEMALE
    with pytest.raises(IdSexMismatch) as refusal:
        parse_resident_id(make_resident_id(county, birthday, sex, ordinal), TODAY, other)
    assert refusal.value.code == "ID_SEX_MISMATCH"


def test_an_unknown_region_prefix_is_a_warning_only() -> None:
    identity = parse_resident_id(make_resident_id("519999", BIRTHDAY, Sex.MALE, 0), TODAY)
    warning = region_warning(identity, {"511132"}, "members.0.id_no")
    assert warning is not None
    assert (warning.field, warning.code) == ("members.0.id_no", "ID_REGION_UNKNOWN")
    assert region_warning(identity, {"519999"}, "id_no") is None


def test_an_identity_does_not_show_its_number() -> None:
    number = make_resident_id("511132", BIRTHDAY, Sex.MALE, 0)
    assert number not in repr(parse_resident_id(number, TODAY))


@pytest.mark.parametrize(
    ("start", "end", "years"),
    [
        (date(2000, 2, 29), date(2001, 2, 28), 0),
        (date(2000, 2, 29), date(2001, 3, 1), 1),
        (date(2000, 2, 29), date(2004, 2, 29), 4),
        (date(1956, 3, 12), date(2026, 3, 11), 69),
        (date(1956, 3, 12), date(2026, 3, 12), 70),
    ],
)
def test_a_year_is_full_on_the_birthday(start: date, end: date, years: int) -> None:
    assert years_between(start, end) == years


def test_the_example_of_gb_32100_has_its_check_character() -> None:
    assert uscc_check_character("91350100M000100Y4") == "3"


@given(counties, st.integers(0, 9_999_999))
def test_a_made_credit_code_is_accepted_in_small_and_full_width_letters(
    county: str, ordinal: int
) -> None:
    code = make_uscc(county, ordinal)
    full_width = "".join(chr(ord(character) + 0xFEE0) for character in code)
    assert {parse_uscc(code), parse_uscc(code.lower()), parse_uscc(full_width)} == {code}


@given(st.integers(0, 9_999_999), st.integers(0, 17), st.sampled_from("0123456789ABCXY"))
def test_any_single_wrong_character_of_a_credit_code_is_noticed(
    ordinal: int, place: int, character: str
) -> None:
    code = make_uscc("511132", ordinal)
    wrong = code[:place] + character + code[place + 1 :]
    if wrong == code:
        return
    with pytest.raises(UsccChecksum) as refusal:
        parse_uscc(wrong)
    assert refusal.value.code == "USCC_CHECKSUM"


@pytest.mark.parametrize("letter", "IOSVZ")
def test_the_letters_left_out_of_credit_codes_are_refused(letter: str) -> None:
    with pytest.raises(UsccChecksum):
        parse_uscc("91511132" + letter + make_uscc("511132", 1)[9:])


@pytest.mark.parametrize("text", ["", "9151113290000001", make_uscc("511132", 1) + "0"])
def test_a_credit_code_of_another_length_is_refused(text: str) -> None:
    with pytest.raises(UsccChecksum):
        parse_uscc(text)


def test_the_example_of_iso_7812_has_its_check_digit() -> None:
    assert luhn_check_digit("7992739871") == "3"


@given(st.integers(0, 999_999_999_999))
def test_a_made_bank_card_is_accepted_with_blanks_between_its_groups(ordinal: int) -> None:
    number = make_bank_card(ordinal)
    grouped = " ".join(number[start : start + 4] for start in range(0, 19, 4))
    assert {parse_bank_card(number), parse_bank_card(grouped)} == {number}


@given(st.integers(0, 999_999_999_999), st.integers(0, 18), st.integers(1, 9))
def test_any_single_wrong_digit_of_a_bank_card_is_account_invalid(
    ordinal: int, place: int, step: int
) -> None:
    number = make_bank_card(ordinal)
    wrong = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
    with pytest.raises(AccountInvalid) as refusal:
        parse_bank_card(wrong)
    assert refusal.value.code == "ACCOUNT_INVALID"


@pytest.mark.parametrize(
    "text", ["", "0" * 16, "62284800001", "62284800000000000000", "6228-4800-0000-0000-018"]
)
def test_what_is_no_bank_card_number_is_account_invalid(text: str) -> None:
    with pytest.raises(AccountInvalid):
        parse_bank_card(text)


@given(st.integers(0, 9_999))
def test_a_made_mobile_number_is_accepted(ordinal: int) -> None:
    assert parse_mobile(make_mobile(ordinal)) == make_mobile(ordinal)


@pytest.mark.parametrize(
    "text", ["", "1990000000", "199000000000", "12900000000", "+8619900000000", "0571-8888888"]
)
def test_what_is_no_mobile_number_is_phone_invalid(text: str) -> None:
    with pytest.raises(PhoneInvalid) as refusal:
        parse_mobile(text)
    assert refusal.value.code == "PHONE_INVALID"


@pytest.mark.parametrize(
    "make", [make_mobile, lambda n: make_resident_id("511132", TODAY, Sex.MALE, n)]
)
def test_ordinals_beyond_the_invented_blocks_are_refused(make: object) -> None:
    assert callable(make)
    for ordinal in (-1, 10_000):
        with pytest.raises(ValueError, match="ordinal"):
            make(ordinal)


@given(st.text())
def test_any_text_is_either_accepted_or_refused_as_invalid(text: str) -> None:
    for parse in (parse_uscc, parse_bank_card, parse_mobile):
        with suppress(Invalid):
            assert parse(text)
