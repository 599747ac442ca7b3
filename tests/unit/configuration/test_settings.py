"""Settings: what is read, and what a wrong one says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from configuration import checks, settings
from configuration.errors import SettingsError
from configuration.settings import Token
from queues.policy import FlushPolicy


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in checks.EXAMPLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_any_setting_the_defaults_are_mparticles(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = settings.load()
    assert loaded.connections.named("default").policy == FlushPolicy(100, 57_600_000, 100)
    assert loaded.klaviyo_base_url == "https://a.klaviyo.com"
    assert loaded.tokens == ()
    assert (loaded.max_pending, loaded.max_pending_per_queue) == (5_000_000, 1_000_000)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "REDIS_URL": "rediss://:secret@host:6380",
        "KLAVIYO_API_KEY": "pk_abc",
        "KLAVIYO_BASE_URL": "http://127.0.0.1:9000/",
        "FERRY_TOKENS": "mparticle:0123456789abcdef,backoffice:fedcba9876543210",
        "FERRY_SEGMENT_SECRETS": "new:3c0e7b51d2f94a68,old:d41f8e6a90b27c35",
        "FERRY_FLUSH_SIZE": "500",
        "FERRY_FLUSH_MINUTES": "0.5",
        "FERRY_SECRET_KEY": "new-new-new-new-new,old-old-old-old-old",
        "FERRY_ADMIN_TOKEN": "0123456789abcdef0123456789abcdef",
        "FERRY_MAX_PENDING": "3000",
        "FERRY_MAX_PENDING_PER_QUEUE": "2000",
        "FERRY_REDIS_CONNECTIONS": "20",
        "PORT": "8080",
        "FERRY_SFTP_URL": "sftp://me@sftp.klaviyo.com:2222/profiles",
        "FERRY_SFTP_KEY": "/run/secrets/key",
        "FERRY_SFTP_HOST_KEY": "sftp.klaviyo.com ssh-ed25519 AAAA",
    }.items():
        monkeypatch.setenv(name, value)
    loaded = settings.load()
    default = loaded.connections.named("default")
    assert default.policy == FlushPolicy(500, 30_000, 500), "the upload follows the size unless set"
    assert default.api_key == "pk_abc"
    assert loaded.klaviyo_base_url == "http://127.0.0.1:9000"
    assert loaded.tokens == (Token("mparticle", "0123456789abcdef"), Token("backoffice", "fedcba9876543210"))
    assert loaded.segment_secrets == (Token("new", "3c0e7b51d2f94a68"), Token("old", "d41f8e6a90b27c35"))
    assert loaded.secret_keys == ("new-new-new-new-new", "old-old-old-old-old")
    assert loaded.admin_token == "0123456789abcdef0123456789abcdef"
    assert loaded.redis_connections == 20
    assert (loaded.port, loaded.redis_url) == (8080, "rediss://:secret@host:6380")
    assert loaded.sftp_url == "sftp://me@sftp.klaviyo.com:2222/profiles"
    assert (loaded.sftp_key, loaded.sftp_host_key) == ("/run/secrets/key", "sftp.klaviyo.com ssh-ed25519 AAAA")
    assert (loaded.max_pending, loaded.max_pending_per_queue) == (3000, 2000)


def test_a_space_around_a_token_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERRY_TOKENS", "a: 0123456789abcdef, b :fedcba9876543210 ")
    assert settings.load().tokens == (Token("a", "0123456789abcdef"), Token("b", "fedcba9876543210"))


def test_a_token_without_a_name_is_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERRY_TOKENS", "0123456789abcdef0123456789abcdef")
    assert settings.load().tokens == (Token("default", "0123456789abcdef0123456789abcdef"),)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FERRY_DURABLE", "always", "local, fsync, or replicas:N"),
        ("FERRY_DURABLE", "replicas:0", "local, fsync, or replicas:N"),
        ("FERRY_MAX_PENDING", "0", "greater than or equal to 1"),
        ("FERRY_REDIS_CONNECTIONS", "9", "greater than or equal to 10"),
        ("FERRY_MAX_PENDING_PER_QUEUE", "many", "integer"),
        ("REDIS_URL", "http://host", "redis://"),
        ("KLAVIYO_API_KEY", "sk_123", "starts with pk_"),
        ("FERRY_KLAVIYO_REVISION", "2025-10-15", "tested with the revisions 2026-10-15 and 2026-07-15"),
        ("FERRY_KLAVIYO_REVISION", "latest", "not latest"),
        ("KLAVIYO_BASE_URL", "http://a.klaviyo.com", "https"),
        ("KLAVIYO_BASE_URL", "https://a.klaviyo.com/api", "a scheme and a host"),
        ("KLAVIYO_BASE_URL", "https://a.klaviyo.com?x=1", "a scheme and a host"),
        ("KLAVIYO_BASE_URL", "https://u@a.klaviyo.com", "a scheme and a host"),
        ("FERRY_TOKENS", "mparticle:short", "at least 16"),
        ("FERRY_TOKENS", "a:0123456789abcdef,a:fedcba9876543210", "same name"),
        ("FERRY_TRUSTED_PROXIES", "10.0.0.0/8,heroku", "an address or a network"),
        ("FERRY_SEGMENT_SECRETS", "segment:short", "at least 16"),
        ("FERRY_SEGMENT_SECRETS", "a:0123456789abcdef,a:fedcba9876543210", "same name"),
        ("FERRY_FLUSH_SIZE", "abc", "integer"),
        ("FERRY_FLUSH_SIZE", "0", "greater than or equal to 1"),
        ("FERRY_FLUSH_MINUTES", "0", "greater than 0"),
        ("FERRY_FLUSH_MINUTES", "soon", "number"),
        ("FERRY_UPLOAD_MAX", "10001", "10000"),
        ("FERRY_SECRET_KEY", "short", "at least 16"),
        ("FERRY_ADMIN_TOKEN", "0123456789abcdef", "at least 32"),
        ("FERRY_ADMIN_TOKEN", "0123456789abcdef 0123456789abcdef", "no spaces"),
        ("PORT", "99999", "65535"),
        ("FERRY_CONNECTIONS", "missing.toml", "cannot be read"),
        ("FERRY_SFTP_URL", "https://me@sftp.klaviyo.com", "sftp://user@host/folder"),
        ("FERRY_SFTP_URL", "sftp://sftp.klaviyo.com/profiles", "sftp://user@host/folder"),
        ("FERRY_SFTP_URL", "sftp://me:secret@sftp.klaviyo.com", "without a password"),
        ("FERRY_SFTP_URL", "sftp://me@sftp.klaviyo.com:high", "its port"),
    ],
)
def test_a_wrong_setting_names_itself_the_problem_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert name in str(error.value)
    assert says in str(error.value)


def test_all_wrong_settings_are_named_at_once_and_no_secret_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERRY_FLUSH_SIZE", "abc")
    monkeypatch.setenv("KLAVIYO_API_KEY", "wrong-secret")
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert "FERRY_FLUSH_SIZE" in str(error.value)
    assert "KLAVIYO_API_KEY" in str(error.value)
    assert "wrong-secret" not in str(error.value)


def test_secrets_are_not_part_of_what_settings_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLAVIYO_API_KEY", "pk_topsecret")
    monkeypatch.setenv("FERRY_TOKENS", "name:topsecrettopsecret")
    monkeypatch.setenv("FERRY_SEGMENT_SECRETS", "name:topsecrettopsecret")
    monkeypatch.setenv("FERRY_SECRET_KEY", "topsecrettopsecret")
    monkeypatch.setenv("FERRY_ADMIN_TOKEN", "topsecrettopsecret" * 2)
    monkeypatch.setenv("FERRY_SFTP_KEY", "topsecret")
    monkeypatch.setenv("REDIS_URL", "rediss://:topsecret@host:6380")
    assert "topsecret" not in repr(settings.load())


@pytest.mark.parametrize("name", sorted(checks.EXAMPLES))
def test_a_setting_that_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    default = settings.load()
    monkeypatch.setenv(name, "")
    loaded = settings.load()
    assert repr(loaded.connections.named("default")) == repr(default.connections.named("default"))
    assert replace(loaded, connections=default.connections) == default


def test_an_empty_setting_does_not_hide_the_one_in_the_group_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / settings.GROUP_FILE).write_text("REDIS_URL=unix:///tmp/x.sock\n")
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("FERRY_VAR", "")
    assert settings.load().redis_url == "unix:///tmp/x.sock"


def test_commands_find_the_group_of_ferry_up_through_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / settings.GROUP_FILE).write_text("REDIS_URL=unix:///tmp/x.sock\nKLAVIYO_API_KEY=pk_emulator\n")
    monkeypatch.setenv("FERRY_VAR", str(folder))
    loaded = settings.load()
    assert loaded.redis_url == "unix:///tmp/x.sock"
    assert loaded.connections.named("default").api_key == "pk_emulator"
