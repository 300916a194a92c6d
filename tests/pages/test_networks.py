"""The page Train with networks: what they find is kept, and other pages put it beside theirs."""

import time

import pytest

from pages import _networks, _runs
from tests.pages.test_states import problems

pytest.importorskip("torch", reason="the networks need PyTorch: pip install -r requirements-torch.txt")


def until(app, there):
    """Run the page until something is there."""
    for _ in range(600):
        if there(app):
            return app
        time.sleep(0.1)
        app.run()
    raise AssertionError(f"the training did not end: {problems(app)}")


def open_part(app, part):
    """The page Train with a part of it chosen, two epochs only."""
    app.switch_page("pages/train.py").run()
    app.segmented_control(key="trn_part").set_value(part).run()
    next(n for n in app.number_input if n.label == "Epochs").set_value(2).run()
    return app


def test_a_network_is_kept_and_its_predictions_used(sample):
    """A trained network is judged on gold, survives as a run of the store, and one click keeps its predictions."""
    open_part(sample, "networks")
    next(b for b in sample.button if b.label == "Train").click().run()
    until(sample, lambda app: [b for b in app.button if b.label == "Use these predictions"])
    info = _runs.store().datasets()[0]
    kept = _networks.trainings(info, _networks.NETWORK)
    result = _runs.load_run(info, kept["CrowdLayer"].key)

    assert problems(sample) == []
    assert list(kept) == ["CrowdLayer"]
    assert sample.dataframe[0].value["Right"].iloc[0] > 50
    assert result.confusion.shape == (40, 10, 10)

    sample.switch_page("pages/annotators.py").run()
    until(sample, lambda app: [heading for heading in app.subheader if heading.value.startswith("Do other runs say the same")])

    assert problems(sample) == []

    sample.switch_page("pages/compare_metrics.py").run()
    until(sample, lambda app: app.pills)

    assert problems(sample) == []
    assert "Trace (CrowdLayer)" in sample.pills[0].options

    sample.switch_page("pages/train.py").run()
    sample.segmented_control(key="trn_part").set_value("networks").run()
    next(b for b in sample.button if b.label == "Use these predictions").click().run()

    assert problems(sample) == []
    assert (_runs.store().load(info.id).pred_probs.to_numpy() == result.posterior).all()


def test_ambiguous_examples_stand_beside_entropy_and_difficulty(sample):
    """Three measures show their most ambiguous examples, of all classes or one."""
    open_part(sample, "ambiguous")
    next(b for b in sample.button if b.label == "Find them").click().run()
    until(sample, lambda app: [s for s in app.selectbox if s.label == "Found by"])

    assert problems(sample) == []
    assert {"WAUM", "Difficulty (GLAD)", "Entropy of the labels"} <= {heading.value for heading in sample.subheader}

    next(s for s in sample.selectbox if s.label == "Class").set_value(3).run()

    assert problems(sample) == []

    sample.switch_page("pages/review.py").run()
    sample.selectbox(key="rev_quality").set_value("waum").run()

    assert problems(sample) == []
    assert sample.selectbox(key="rev_quality").value == "waum"


def test_without_torch_the_page_says_how_to_get_it(sample, monkeypatch):
    """Where PyTorch is missing the parts that need it say so, and their buttons wait."""
    from multiannotator_core.learning import networks

    monkeypatch.setattr(networks, "torch_missing", lambda: "Networks need PyTorch, which is not installed: pip install x")
    for part, button in (("networks", "Train"), ("ambiguous", "Find them")):
        sample.switch_page("pages/train.py").run()
        sample.segmented_control(key="trn_part").set_value(part).run()

        assert problems(sample) == []
        assert [one.value for one in sample.info if "PyTorch" in one.value]
        assert next(b for b in sample.button if b.label == button).disabled
