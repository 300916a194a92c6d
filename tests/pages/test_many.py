"""Ten thousand annotators, paged, binned, and in messages that a browser can take; and very few."""

import time

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import multiannotator_core as mc
from pages import _runs
from tests.pages.conftest import ROOT

N = 10_000
MOST_BYTES = 1_000_000  # of all that a page sends


def problems(app):
    return [e.value for e in app.exception] + [e.value for e in app.error]


@pytest.fixture(scope="module")
def many():
    """Labels of ten thousand annotators: most are right, some label at random."""
    rng = np.random.default_rng(0)
    annotator = np.repeat(np.arange(N), 4)
    example = rng.integers(0, 8_000, len(annotator))
    right = rng.random(len(annotator)) < np.where(annotator % 20 == 0, 0.34, 0.85)
    truth = example % 3
    label = np.where(right, truth, (truth + rng.integers(1, 3, len(annotator))) % 3)
    frame = pd.DataFrame({"example": example, "annotator": [f"annotator {j}" for j in annotator], "label": label})
    heavy = pd.DataFrame([(i, "annotator 7", int(i % 3)) for i in range(8_000)], columns=["example", "annotator", "label"])
    return mc.CrowdLabels.from_long(pd.concat([frame, heavy]), duplicates="last")


def complete(app):
    """Draw the page again until its background jobs are done."""
    for _ in range(300):
        if not any("is running" in m.value for m in app.markdown):
            return app
        time.sleep(0.1)
        app.run()
    raise AssertionError("the page is never complete")


def size(app):
    """Bytes of all elements on the page."""
    protos = (getattr(element, "proto", None) for element in app)
    return sum(proto.ByteSize() for proto in protos if proto is not None)


def test_every_audit_page_answers_for_ten_thousand(many):
    """Each page of the audit is complete, sends less than a megabyte, and lets one look at anybody."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    _runs.store().add_dataset(many, name="many")
    sizes = {}
    for page in ("annotators", "agreement", "classes", "compare_metrics"):
        app.switch_page(f"pages/{page}.py").run()
        assert problems(complete(app)) == [], page
        sizes[page] = size(app)

    assert {page: n for page, n in sizes.items() if n > MOST_BYTES} == {}


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_audit_page_answers_for_few(n):
    """One annotator, two or five are enough for every page, with or without a second opinion."""
    rows = [(f"e{i}", f"a{j}", (i + (j == 4) * i) % 2) for i in range(12) for j in range(n)]
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    _runs.store().add_dataset(mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["example", "annotator", "label"])), name="few")
    for page in ("annotators", "agreement", "classes", "compare_metrics"):
        app.switch_page(f"pages/{page}.py").run()

        assert problems(complete(app)) == [], page
        assert len(app.title) == 1
