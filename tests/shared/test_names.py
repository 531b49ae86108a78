"""A person is one person, whatever dot was typed and however the letters were composed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.names import NameInvalid, parse_person_name


@pytest.mark.parametrize("dot", "·•・‧．.･∙⋅")
def test_every_dot_becomes_the_separator_of_the_standard(dot: str) -> None:
    name = parse_person_name(f"阿尔{dot}木果")
    assert name.normalised == "阿尔·木果"
    assert name.raw == f"阿尔{dot}木果"


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        (" 张三\u3000", "张三"),
        ("张\u3000三", "张三"),
        ("阿尔 · 木果", "阿尔·木果"),
        ("Anna  Maria", "Anna Maria"),
        ("𠮷野", "𠮷野"),
        ("䶮", "䶮"),
        ("Müller", "Müller"),
        (unicodedata.normalize("NFD", "Müller"), "Müller"),
        ("\ue81e一", "\u9fb4一"),
        ("\ue855一", "\U000241fe一"),
    ],
)
def test_padding_composition_and_private_ideographs_are_normalised(
    text: str, normalised: str
) -> None:
    assert parse_person_name(text).normalised == normalised


@pytest.mark.parametrize(
    "character",
    [
        "\u200b",
        "\u200d",
        "\u2060",
        "\ufeff",
        "\u202e",
        "\u2066",
        "\u061c",
        "\u00ad",
        "\u034f",
        "\u3164",
        "\ufe0f",
        "\U000e0100",
        "\x00",
        "\n",
        "\t",
        "\u2028",
        "\ud800",
        "\ue000",
        "\U000e0001",
    ],
)
def test_invisible_bidirectional_and_control_characters_are_refused(character: str) -> None:
    with pytest.raises(NameInvalid) as refusal:
        parse_person_name(f"张{character}三")
    assert refusal.value.code == "NAME_INVALID"


@pytest.mark.parametrize("text", ["", "  ", "···", "123", "张" * 51, "\u0301"])
def test_a_name_needs_a_letter_and_at_most_50_characters(text: str) -> None:
    with pytest.raises(NameInvalid):
        parse_person_name(text)


@pytest.mark.parametrize("text", ["张", "张" * 50, "𠮷" * 50])
def test_names_of_1_and_50_characters_are_kept(text: str) -> None:
    assert parse_person_name(text).normalised == text


@given(st.text(max_size=60))
def test_normal_form_is_reached_in_one_step(text: str) -> None:
    try:
        normalised = parse_person_name(text).normalised
    except NameInvalid:
        return
    assert parse_person_name(normalised).normalised == normalised
    assert unicodedata.is_normalized("NFC", normalised)
