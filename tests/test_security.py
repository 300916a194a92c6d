"""The promises of SECURITY.md that are settings, and that the page names tests that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from streamlit import config

from multiannotator_core.ingest import limits

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("section", "key", "expected"),
    [
        ("server", "address", "127.0.0.1"),
        ("browser", "gatherUsageStats", False),
        ("client", "showErrorDetails", "type"),
        ("client", "toolbarMode", "viewer"),
    ],
)
def test_the_start_is_secure(section: str, key: str, expected: object) -> None:
    """The app binds to this computer, reports no usage, and shows viewers no stack traces."""
    assert SETTINGS[section][key] == expected


@pytest.mark.parametrize("key", ["enableXsrfProtection", "enableCORS"])
def test_other_sites_stay_out(key: str) -> None:
    """Protection against requests of other sites is on by default, and our settings do not switch it off."""
    assert config._config_options_template[f"server.{key}"].default_val is True
    assert SETTINGS["server"].get(key, True) is True


def test_no_static_files_are_served() -> None:
    """No folder of the server is offered to browsers."""
    assert SETTINGS["server"].get("enableStaticServing", False) is False


def test_the_page_names_tests_that_exist() -> None:
    """Each promise points to a test or a folder of tests."""
    named = set(re.findall(r"`(tests/[\w/]+(?:\.py)?)`", PAGE))

    assert len(named) >= 8
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_limit_is_told_and_settable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence of each limit names its number and its environment variable, and the variable changes it."""
    named = [name for name in vars(limits) if name.startswith(("MAX_", "RATIO_"))]

    assert len(named) >= 10
    for name in named:
        monkeypatch.setenv(f"CROWDLENS_{name}", "7")

        assert f"{getattr(limits, name):,}" in limits.how_to_raise(name)
        assert f"CROWDLENS_{name}" in limits.how_to_raise(name)
        assert limits._limit(name, 1) == 7
