"""Rows of a benchmark outlive the run that measured them."""

import pytest

from benchmarks.rows import Rows


@pytest.fixture
def page(tmp_path):
    return tmp_path / "PAGE.md"


def test_a_run_goes_on_where_it_stopped(page):
    """A row is in the file as soon as it is added, and the next run finds it; numbers that are missing stay missing."""
    Rows(page).add(of="duel", size="S", seconds=1.5, peer=None)
    later = Rows(page)
    later.add(of="memory", size="S", share="0.2")

    assert later.has(of="duel", size="S")
    assert not later.has(of="duel", size="M")
    assert Rows(page).where(of="duel") == [{"size": "S", "seconds": 1.5, "peer": None}]
    assert list(Rows(page).frame(of="memory").columns) == ["size", "share"]


def test_a_run_that_was_killed_while_it_wrote(page):
    """Half a line is forgotten, and the next row begins a line of its own."""
    rows = Rows(page)
    rows.add(of="duel", size="S")
    with rows.path.open("a", encoding="utf-8") as file:
        file.write('{"of": "du')
    Rows(page).add(of="duel", size="M")

    assert Rows(page).where(of="duel") == [{"size": "S"}, {"size": "M"}]


def test_afresh(page):
    """A run that begins afresh knows nothing of the last one."""
    Rows(page).add(of="duel", size="S")

    assert not Rows(page, afresh=True).has(of="duel")
    assert not Rows(page).has(of="duel")
