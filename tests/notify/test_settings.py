"""What notify takes from its environment about where webhooks may go, and what stops it."""

from ipaddress import ip_address
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.notify.settings import NotifySettings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What every service needs."""
    for name, value in {
        "DATABASE_URL": "postgresql://notify:secret-of-the-database@localhost/notify",
        "JWKS_FILE": "jwks.json",
        "TOKEN_ISSUER": "https://issuer.example/",
        "FIELD_KEY_FILE": "field.key",
    }.items():
        monkeypatch.setenv(f"NOTIFY_{name}", value)


def settings(monkeypatch: pytest.MonkeyPatch, **values: str) -> NotifySettings:
    """The settings with these variables besides."""
    for name, value in values.items():
        monkeypatch.setenv(f"NOTIFY_{name.upper()}", value)
    return NotifySettings()


def test_webhooks_go_to_public_addresses_over_https_unless_the_operator_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    egress = settings(monkeypatch).webhook_egress
    assert not egress.plain_http
    assert not egress.allows(ip_address("10.8.0.1"))
    assert [port for port in range(65_536) if egress.allows_port(port)] == [80, 443, 8080, 8443]


def test_the_operator_lists_networks_ports_plain_http_and_authorities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = settings(
        monkeypatch,
        webhook_networks="10.8.0.0/16,192.168.3.4/32",
        webhook_ports="443,8000-8100",
        webhook_plain_http="true",
        webhook_ca_file="/etc/ca.pem",
    )
    egress = read.webhook_egress
    assert egress.plain_http
    assert egress.allows(ip_address("10.8.255.255"))
    assert egress.allows(ip_address("192.168.3.4"))
    assert not egress.allows(ip_address("192.168.3.5"))
    assert egress.allows_port(8100)
    assert not egress.allows_port(80)
    assert read.webhook_ca_file == Path("/etc/ca.pem")


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, webhook_networks="", webhook_ports="", webhook_ca_file="")
    assert read.webhook_ca_file is None
    assert read.webhook_egress.allows_port(443)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook_networks", "10.8.0.1/16"),
        ("webhook_networks", "0.0.0.0/0"),
        ("webhook_networks", "county"),
        ("webhook_ports", "https"),
        ("webhook_ports", "0-80"),
    ],
)
def test_networks_and_ports_that_cannot_be_meant_stop_the_start_without_showing_secrets(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(monkeypatch, **{name: value})
    assert "secret-of-the-database" not in str(refused.value)


@pytest.mark.parametrize("network", ["127.0.0.0/8", "169.254.169.254/32", "::1/128"])
def test_this_machine_itself_may_be_listed_by_developers_only(
    monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    assert settings(monkeypatch, webhook_networks=network).webhook_egress.leads_home()
    with pytest.raises(ValidationError):
        settings(monkeypatch, environment="production")
