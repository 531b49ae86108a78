"""Sensitive values: sealed at rest, masked in answers, absent everywhere else (X-08, G1-G5)."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.households.main import SERVICE
from services.households.register.sealing import seals_of
from services.households.settings import HouseholdsSettings
from shared.privacy import KeyFileRejected
from shared.synthetic import make_bank_card, make_mobile
from tests.conftest import Start
from tests.households.conftest import Households, household, member, resident_id

DISEASE = "尘肺病三期"


async def everything(households: Households) -> str:
    """Every row of every table as text."""
    tables = await households.rows(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'regions'"
    )
    texts = []
    for table in tables:
        rows = await households.rows(f"SELECT t::text AS row FROM {table['tablename']} t")
        texts += [row["row"] for row in rows]
    return "\n".join(texts)


def secrets() -> dict[str, Any]:
    """What must never be seen in clear."""
    number = resident_id()
    return {
        "number": number,
        "certificate": number + "42",
        "phone": make_mobile(4321),
        "account": make_bank_card(987_654),
        "disease": DISEASE,
    }


def with_secrets(kept: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A household that has them all."""
    head = member(
        id_no=kept["number"],
        chronic={"diseases": [kept["disease"]], "doctor_signed": False},
        disability={"category": 4, "level": 2, "cert_no": kept["certificate"]},
    )
    return household(head, phone=kept["phone"], bank={"account": kept["account"]}, **changes)


async def test_no_sensitive_value_is_anywhere_in_clear(
    households: Households, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = secrets()
    answers = [await households.call("POST", "/households", with_secrets(kept))]
    view = answers[0].json()
    assert answers[0].status_code == 201, answers[0].text
    path = f"/households/{view['id']}"
    person = f"{path}/members/{view['members'][0]['id']}"
    answers += [
        await households.call("POST", "/households", with_secrets(kept)),  # duplicate
        await households.call("POST", "/households", with_secrets(kept, village_code="1")),
        await households.call("POST", "/households:batch", {"rows": [with_secrets(kept)]}),
        await households.call("POST", "/households", with_secrets(kept | {"number": "1"})),
        await households.call("PATCH", path, {"phone": kept["phone"][::-1]}),
        await households.call("PATCH", path, {"phone": kept["phone"], "reason": "核对"}),
        await households.call(
            "PATCH", person, {"id_no": kept["number"], "chronic": {"diseases": [DISEASE]}}
        ),
        await households.call("GET", path),
        await households.call("GET", f"{path}/changes"),
        await households.call("GET", "/households", query={"q": "阿尔·木果"}),
    ]
    printed = capsys.readouterr()
    told = {
        "answers": "\n".join(answer.text for answer in answers),
        "database": await everything(households),
        "logs": "\n".join(
            str(record.msg) + str(record.args)
            for record in caplog.records
            if record.name != "httpx"  # the caller's own log
        )
        + printed.err,
    }
    for place, text in told.items():
        for name, value in kept.items():
            assert value not in text, f"{name} in {place}"


async def test_equal_values_have_unequal_ciphertexts_and_sensitive_columns_hold_nothing_else(
    households: Households,
) -> None:
    await households.register(phone=make_mobile(5))
    await households.register(phone=make_mobile(5))
    rows = await households.rows("SELECT phone_sealed FROM households")
    assert len({row["phone_sealed"] for row in rows}) == 2
    members = await households.rows("SELECT id_no_sealed, id_no_index FROM members")
    assert all(row["id_no_sealed"].startswith("v1:") for row in members)
    assert all(len(row["id_no_index"]) == 16 for row in members)


async def test_a_ciphertext_opens_only_in_its_own_row(households: Households) -> None:
    one, two = await households.register(), await households.register()
    await households.rows(
        "UPDATE members a SET id_no_sealed = b.id_no_sealed FROM members b WHERE a.id <> b.id"
    )
    for view in (one, two):
        answer = await households.call("GET", f"/households/{view['id']}")
        assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")


async def test_a_reveal_needs_a_reason_and_leaves_an_audit_row(households: Households) -> None:
    kept = secrets()
    view = (await households.call("POST", "/households", with_secrets(kept))).json()
    path = f"/households/{view['id']}"
    person = f"{path}/members/{view['members'][0]['id']}/reveal"
    for body in ({}, {"reason": " "}, {"reason": "x"}):
        assert (await households.call("POST", person, body)).status_code == 422
        assert (await households.call("POST", f"{path}/reveal", body)).status_code == 422
    revealed = await households.call("POST", person, {"reason": "核对一卡通"})
    assert revealed.json() == {
        "id_no": kept["number"],
        "disability_cert_no": kept["certificate"],
        "diseases": [kept["disease"]],
    }
    household_too = await households.call("POST", f"{path}/reveal", {"reason": "电话回访"})
    assert household_too.json() == {"phone": kept["phone"], "account": kept["account"]}
    rows = await households.rows("SELECT action, remark FROM audit WHERE action LIKE 'REVEAL%'")
    assert [(row["action"], row["remark"]) for row in rows] == [
        ("REVEAL_MEMBER", "核对一卡通"),
        ("REVEAL", "电话回访"),
    ]
    assert kept["number"] not in await everything(households)


@pytest.mark.parametrize("role", ["village_cadre", "township_reviewer", "dept_head", "inspector"])
async def test_only_the_poverty_office_reveals(households: Households, role: str) -> None:
    view = await households.register()
    path = f"/households/{view['id']}"
    for tail in ("/reveal", f"/members/{view['members'][0]['id']}/reveal"):
        answer = await households.call("POST", path + tail, {"reason": "核对"}, roles=(role,))
        assert answer.status_code == 403


async def test_without_a_key_file_the_service_refuses_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOUSEHOLDS_DATABASE_URL", "postgresql://role:secret@127.0.0.1/x")
    monkeypatch.setenv("HOUSEHOLDS_JWKS_URL", "http://127.0.0.1/jwks")
    monkeypatch.setenv("HOUSEHOLDS_TOKEN_ISSUER", "bangfu")
    with pytest.raises(ValidationError) as refused:
        HouseholdsSettings()
    assert "field_key_file" in str(refused.value)
    assert "secret" not in str(refused.value)


async def test_with_a_key_file_open_to_others_it_refuses_to_start(
    start: Start, tmp_path: Any
) -> None:
    file = tmp_path / "open.key"
    file.write_text("5a" * 32)
    file.chmod(0o644)
    with pytest.raises(KeyFileRejected, match="use mode 600"):
        await start(SERVICE, field_key_file=file)


async def test_with_another_key_than_the_registers_it_refuses_to_start(
    households: Households, tmp_path: Any
) -> None:
    await households.register()
    file = tmp_path / "other.key"
    file.write_text("a5" * 32)
    file.chmod(0o600)
    settings = households.app.runtime.settings.model_copy(update={"field_key_file": file})
    other = type(households.app.runtime)(
        **{**vars(households.app.runtime), "settings": settings, "extras": {}}
    )
    assert SERVICE.prepare is not None
    with pytest.raises(KeyFileRejected, match="another key"):
        await SERVICE.prepare(other)
    await SERVICE.prepare(households.app.runtime)
    assert seals_of(households.app.runtime)
