"""How annotators changed from file to file."""

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core import figures
from multiannotator_core.quality.over_versions import changes_over_versions, quality_over_versions


def week(n_examples, skills, seed):
    """Every annotator labels every example; skills: annotator -> chance of being right."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n_examples)
    rows = [(f"w{seed}-{i}", who, t if rng.random() < skill else 1 - t) for i, t in enumerate(truth) for who, skill in skills.items()]
    return pd.DataFrame(rows, columns=["example", "annotator", "label"])


@pytest.fixture(scope="module")
def table():
    good = {f"good{i}": 0.9 for i in range(5)}
    first = week(150, {**good, "tired": 0.95, "gone": 0.9}, seed=1)
    second = pd.concat([first, week(300, {**good, "tired": 0.5, "new": 0.9}, seed=2)])
    labels = {
        "1": mc.CrowdLabels.from_long(first[first["annotator"] != "new"]),
        "2": mc.CrowdLabels.from_long(second[second["annotator"] != "gone"]),
    }
    return quality_over_versions({name: (found, mc.aggregate(found)) for name, found in labels.items()})


def test_who_changed_comes_first(table):
    """The annotator who became worse leads, beyond the ranges; those who stayed are within; who is in one file only is left out."""
    found = changes_over_versions(table)

    assert found.index[0] == "tired"
    assert found.loc["tired", "change"] < -0.15
    assert found["apart"].to_dict() == {name: name == "tired" for name in found.index}
    assert {"gone", "new"} & set(found.index) == set()


def test_the_table_is_that_of_the_intervals(table):
    """Each row has the quality and interval that the annotator has in that version alone."""
    own = table[table["annotator"] == "good0"]

    assert own["version"].tolist() == ["1", "2"]
    assert ((own["low"] < own["quality"]) & (own["quality"] < own["high"])).all()
    assert own["n_labels"].tolist() == [150, 450]


def test_the_figure_names_those_who_are_asked_for(table):
    """One line an annotator with two files; only the named one has a legend entry and its interval."""
    figure = figures.quality_over_versions(table, ["1", "2"], ["tired"])
    named = [trace for trace in figure.data if trace.showlegend]

    assert len(figure.data) == 6
    assert [trace.name for trace in named] == ["tired"]
    assert list(named[0].y) == table.loc[table["annotator"] == "tired", "quality"].tolist()
    assert "tired from 0." in figures.alt(figure)


def test_one_version_says_so(table):
    """Without a second file there is no line, and a sentence says why."""
    figure = figures.quality_over_versions(table[table["version"] == "1"], ["1"])

    assert "two files" in figures.alt(figure)
    assert changes_over_versions(table[table["version"] == "1"]).empty
