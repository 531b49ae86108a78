"""Region codes nest by prefix; lists of them are read, and refused line by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.regions import (
    Level,
    RegionCodeInvalid,
    RegionListUnreadable,
    RegionRow,
    ancestors,
    county_of,
    fold_region_code,
    is_admin_zone,
    is_within,
    level_of,
    parent_of,
    parse_region_code,
    prefix_range,
    read_region_list,
    seed_regions,
    township_of,
)

SEED = {row.code: row for row in seed_regions()}
VILLAGE = "511132201205"

codes = st.sampled_from(sorted(SEED))


def children(parent: str) -> list[str]:
    return sorted(code for code, row in SEED.items() if row.parent == parent)


@pytest.mark.parametrize(
    ("code", "level", "parent"),
    [
        ("51", Level.PROVINCE, None),
        ("5111", Level.CITY, "51"),
        ("511132", Level.COUNTY, "5111"),
        ("511132201", Level.TOWNSHIP, "511132"),
        (VILLAGE, Level.VILLAGE, "511132201"),
        ("429004", Level.COUNTY, "4290"),
        ("441900003", Level.TOWNSHIP, "441900"),
    ],
)
def test_length_decides_level_and_parent(code: str, level: Level, parent: str | None) -> None:
    assert level_of(code) is level
    assert parent_of(code) == parent


def test_ancestors_run_from_the_township_to_the_province() -> None:
    assert ancestors(VILLAGE) == ("511132201", "511132", "5111", "51")
    assert ancestors("51") == ()


def test_county_and_township_are_none_above_their_level() -> None:
    assert (county_of(VILLAGE), township_of(VILLAGE)) == ("511132", "511132201")
    assert (county_of("511132"), township_of("511132")) == ("511132", None)
    assert county_of("5111") is None


@pytest.mark.parametrize(
    "text", ["", "5", "511", "51113", "5111322", "0511", "51a1", "５１", "5111322012051", "51 1"]
)
def test_a_malformed_code_is_region_code_invalid(text: str) -> None:
    for check in (parse_region_code, fold_region_code):
        with pytest.raises(RegionCodeInvalid) as refusal:
            check(text)
        assert refusal.value.code == "REGION_CODE_INVALID"


def test_no_level_has_three_digits() -> None:
    with pytest.raises(RegionCodeInvalid):
        level_of("511")


@given(codes, codes)
def test_the_range_of_a_region_holds_exactly_what_lies_within(code: str, region: str) -> None:
    low, high = prefix_range(region)
    assert (low <= code < high) == is_within(code, region)
    assert is_within(code, code)
    assert all(is_within(code, ancestor) for ancestor in ancestors(code))


def test_the_range_of_a_code_ending_in_9_ends_after_the_digits() -> None:
    assert prefix_range("4419") == ("4419", "441:")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("510000", "51"),
        ("511100", "5111"),
        ("511132", "511132"),
        ("510000000000", "51"),
        ("511100000000", "5111"),
        ("511132000000", "511132"),
        ("350527000", "350527000"),  # the one township of 金门县
        ("511132201000", "511132201"),
        (f" {VILLAGE} ", VILLAGE),
        ("441900", "441900"),
        ("441900000000", "4419"),
        ("110100", "1101"),
        ("420000", "42"),
        ("10", "10"),
    ],
)
def test_trailing_zeros_are_folded_to_the_prefix(text: str, code: str) -> None:
    assert fold_region_code(text) == code


def test_a_county_level_zone_is_known_by_its_code() -> None:
    assert is_admin_zone("430771")
    assert SEED["430771"].admin_zone
    assert not SEED["511132"].admin_zone
    assert not SEED["430771101"].admin_zone


def test_the_seed_holds_the_whole_country_to_the_township() -> None:
    counts = dict.fromkeys(Level, 0)
    for row in SEED.values():
        counts[row.level] += 1
    assert counts == {
        Level.PROVINCE: 31,
        Level.CITY: 342,
        Level.COUNTY: 2_978,
        Level.TOWNSHIP: 41_352,
        Level.VILLAGE: 1_051,
    }


def test_a_parent_precedes_its_children_in_the_seed() -> None:
    seen: set[str | None] = {None}
    for row in seed_regions():
        assert row.parent in seen
        seen.add(row.code)


@pytest.mark.parametrize(
    ("county", "name", "villages"),
    [
        ("511132", "峨边彝族自治县", 99),
        ("430726", "石门县", 331),
        ("430771", "常德市西洞庭管理区", 18),
        ("360734", "寻乌县", 188),
        ("620523", "甘谷县", 415),
    ],
)
def test_the_fixture_counties_have_their_villages(county: str, name: str, villages: int) -> None:
    assert SEED[county].name == name
    assert sum(code.startswith(county) for code in SEED if len(code) == 12) == villages


def test_the_one_village_named_in_clear_and_the_townships_around_it() -> None:
    village = SEED[VILLAGE]
    assert village == RegionRow(VILLAGE, "桐花村村民委员会", Level.VILLAGE, "511132201")
    assert SEED["511132201"].name == "宜坪乡"
    counts = [len(children(township)) for township in children("511132")]
    assert counts == [19, 8, 8, 9, 11, 8, 5, 5, 4, 5, 4, 8, 5]


CSV = "code,name\n511132,峨边彝族自治县\n511132201000,宜坪乡\n"


@pytest.mark.parametrize(
    "source",
    [
        CSV,
        "\ufeff" + CSV,
        CSV.encode(),
        CSV.encode("utf-8-sig"),
        CSV.encode("gb18030"),
        CSV.replace("\n", "\r\n").encode(),
        "parent,name,code\n,峨边彝族自治县,511132\nx,宜坪乡,511132201\n",
    ],
)
def test_a_list_is_read_in_any_usual_encoding_and_column_order(source: str | bytes) -> None:
    rows, errors = read_region_list(source)
    assert errors == []
    assert [(row.code, row.name, row.level, row.parent) for row in rows] == [
        ("511132", "峨边彝族自治县", Level.COUNTY, "5111"),
        ("511132201", "宜坪乡", Level.TOWNSHIP, "511132"),
    ]


def test_bad_lines_are_named_by_line_and_code_and_the_good_ones_kept() -> None:
    lines = [
        "code,name",
        "511132,峨边彝族自治县",
        "5.11132E+11,宜坪乡",
        "",
        "511132100,",
        "511132101",
        f"511132102,{'长' * 101}",
        "511132000000,峨边",
        "511132201,宜坪乡",
    ]
    rows, errors = read_region_list("\n".join(lines))
    assert [row.code for row in rows] == ["511132", "511132201"]
    assert [(error.line, error.code) for error in errors] == [
        (3, "REGION_CODE_INVALID"),
        (5, "REGION_NAME_INVALID"),
        (6, "REGION_NAME_INVALID"),
        (7, "REGION_NAME_INVALID"),
        (8, "REGION_DUPLICATE"),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "",
        b"",
        "511132,no header\n",
        b"\xff\xfe\x00",
        b"PK\x03\x04\x80\xff",
        "code,name\n" + "1" * 200_000,
    ],
)
def test_what_is_no_list_is_refused_whole(source: str | bytes) -> None:
    with pytest.raises(RegionListUnreadable) as refusal:
        read_region_list(source)
    assert refusal.value.code == "REGION_LIST_UNREADABLE"


def test_the_seed_survives_a_round_trip_through_a_list() -> None:
    text = "code,name\n" + "".join(f"{row.code},{row.name}\n" for row in SEED.values())
    rows, errors = read_region_list(text.encode("gb18030"))
    assert errors == []
    assert rows == list(SEED.values())


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_input_is_read_or_refused(source: str | bytes) -> None:
    try:
        rows, errors = read_region_list(source)
    except RegionListUnreadable:
        return
    assert all(row.level in Level for row in rows)
    assert all(error.line > 1 for error in errors)
