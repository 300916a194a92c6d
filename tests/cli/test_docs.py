"""The page about the commands says what the commands are."""

from docs import make_commands


def test_the_page_is_current():
    """docs/commands.md is what `python -m docs.make_commands` writes."""
    assert make_commands.PAGE.read_text("utf-8") == make_commands.page()


def test_peerannot_users_find_their_commands():
    """Each command of peerannot is named with its equivalent."""
    for name in ("simulate", "aggregate", "identify", "train", "aggregate-deep", "install"):
        assert f"`peerannot {name}" in make_commands.HEAD
