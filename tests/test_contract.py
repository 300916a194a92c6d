"""What every aggregation method promises."""

import random
import warnings

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from tests.crowds import crowd, model_of

pytestmark = pytest.mark.parametrize("method", list(mc.METHODS))


def classes_of(method, wanted):
    return 2 if "two_classes" in mc.METHODS[method].needs else wanted


def run(method, labels, truth=None, **given):
    """Run a method with all that it may need."""
    if "pred_probs" not in given:
        truth = pd.Series(labels.classes[0], index=labels.examples) if truth is None else truth
        given["pred_probs"] = model_of(labels, truth)
    if "gold" in mc.METHODS[method].needs and "gold" not in given:
        given["gold"] = {labels.examples[0]: labels.classes[0]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return mc.aggregate(labels, method, **given)


def assert_sound(result, labels):
    """Everything is finite, in its range and of its shape."""
    n, j, k = len(labels.examples), len(labels.annotators), len(labels.classes)
    assert result.posterior.shape == (n, k)
    assert np.isfinite(result.posterior).all()
    assert not np.signbit(result.posterior).any()
    np.testing.assert_allclose(result.posterior.sum(axis=1), 1, atol=1e-12)
    assert result.label.shape == (n,)
    assert ((result.quality >= 0) & (result.quality <= 1)).all()
    assert result.annotator_quality.shape == (j,)
    assert ((result.annotator_quality >= 0) & (result.annotator_quality <= 1)).all()
    if result.confusion is not None:
        assert result.confusion.shape == (j, k, k)
        np.testing.assert_allclose(result.confusion.sum(axis=2), 1, atol=1e-9)
    if result.difficulty is not None:
        assert result.difficulty.shape == (n,)
        assert np.isfinite(result.difficulty).all()
    for scores in result.annotator_scores.values():
        assert scores.shape == (j,)
        assert np.isfinite(scores).all()
    assert np.isfinite(result.trace).all()


class TestContract:
    """Runs over METHODS: a new method needs no new line here."""

    def test_sound_on_an_ordinary_crowd(self, method):
        """Rows sum to 1, nothing is NaN, and a good crowd is mostly understood."""
        frame, truth = crowd(n_classes=classes_of(method, 3), accuracy=(0.8, 0.95))
        labels = mc.CrowdLabels.from_long(frame)
        result = run(method, labels, truth)

        assert_sound(result, labels)
        assert mc.evaluate(labels, result, truth)["accuracy"] > 0.85

    def test_same_input_same_output(self, method):
        """The order of rows does not change an answer, and neither does a second run."""
        frame, truth = crowd(n_classes=classes_of(method, 3))
        one = run(method, mc.CrowdLabels.from_long(frame), truth)
        other = run(method, mc.CrowdLabels.from_long(frame.sample(frac=1, random_state=1)), truth)

        np.testing.assert_array_equal(one.posterior, other.posterior)
        np.testing.assert_array_equal(one.label, other.label)

    def test_class_order_does_not_matter(self, method):
        """Classes named in another order get the same posterior, up to the order of sums."""
        frame, truth = crowd(n_classes=classes_of(method, 3))
        labels = mc.CrowdLabels.from_long(frame)
        turned = mc.CrowdLabels.from_long(frame, classes=list(labels.classes[::-1]))
        model, gold = model_of(labels, truth), {"e0": "c0", "e1": "c1"}
        one = run(method, labels, truth, pred_probs=model, gold=gold)
        other = run(method, turned, truth, pred_probs=model[:, ::-1], gold=gold)

        if "seed" not in mc.METHODS[method].run.__code__.co_varnames:  # drawn starts follow the codes
            np.testing.assert_allclose(other.posterior[:, ::-1], one.posterior, atol=1e-6)

    def test_names_do_not_matter(self, method):
        """Other names in the same order give exactly the same numbers; ids of any type work."""
        frame, truth = crowd(n_classes=classes_of(method, 3))
        labels = mc.CrowdLabels.from_long(frame)
        renamed = mc.CrowdLabels.from_long(pd.DataFrame({"task": labels.example, "worker": labels.annotator, "label": labels.label}))
        model = model_of(labels, truth)
        gold = {labels.examples[i]: labels.classes[0] for i in range(3)}
        renamed_gold = dict.fromkeys(range(3), 0)

        np.testing.assert_array_equal(
            run(method, labels, pred_probs=model, gold=gold).posterior, run(method, renamed, pred_probs=model, gold=renamed_gold).posterior
        )

    def test_strange_names(self, method):
        """Mixed types, empty text and long text are names like all others."""
        names = ["", "task", "worker", 7, "007", "7", (1, 2), "é" * 300, 2.5, True]
        rng = np.random.default_rng(0)
        kinds = names[: classes_of(method, 3)]
        frame = pd.DataFrame(
            [(e, a, kinds[rng.integers(len(kinds))]) for e in names for a in names[:5]], columns=["task", "worker", "label"]
        ).astype(object)
        labels = mc.CrowdLabels.from_long(frame, classes=kinds)

        assert_sound(run(method, labels), labels)

    def test_gold_is_certain(self, method):
        """Gold rows have posterior 1 at their class, whatever the labels say."""
        frame, truth = crowd(n_classes=classes_of(method, 3))
        labels = mc.CrowdLabels.from_long(frame)
        gold = {f"e{i}": f"c{(int(truth.iloc[i][1]) + 1) % classes_of(method, 3)}" for i in range(5)}
        result = run(method, labels, truth, gold=gold)
        rows = labels.examples.get_indexer(list(gold))

        np.testing.assert_array_equal(labels.classes[result.label[rows]], list(gold.values()))
        np.testing.assert_array_equal(result.quality[rows], 1)

    @pytest.mark.parametrize(
        "shape",
        [
            {"n_annotators": 1, "labels_per_example": 1},
            {"labels_per_example": 1},
            {"n_examples": 1},
            {"n_classes": 50, "n_examples": 30},
            {"n_examples": 1, "n_annotators": 1, "labels_per_example": 1},
        ],
        ids=["one annotator", "one label each", "one example", "fifty classes", "one label"],
    )
    def test_degenerate_crowds(self, method, shape):
        """The smallest and oddest crowds give a sound result."""
        shape = {"n_classes": 3, **shape}
        kinds = [f"c{k}" for k in range(classes_of(method, shape["n_classes"]))]
        frame, _ = crowd(**{**shape, "n_classes": len(kinds)})
        labels = mc.CrowdLabels.from_long(frame, classes=kinds)

        assert_sound(run(method, labels), labels)

    def test_one_class(self, method):
        """With one class every label is it; a method for two classes says so."""
        labels = mc.CrowdLabels.from_long(crowd(n_classes=1)[0])
        if classes_of(method, 1) == 2:
            with pytest.raises(ValueError, match="exactly two classes, got 1"):
                run(method, labels)
        else:
            result = run(method, labels)

            assert_sound(result, labels)
            np.testing.assert_array_equal(result.posterior, 1)

    def test_all_tied(self, method):
        """Four examples on which two annotators always disagree have no answer, and still a result."""
        labels = mc.CrowdLabels.from_wide(np.array([[0, 1], [1, 0], [0, 1], [1, 0]]))

        assert_sound(run(method, labels), labels)

    def test_many_labels_on_one_example(self, method):
        """A thousand labels on one example neither overflow nor vanish."""
        frame = pd.DataFrame({"task": 0, "worker": range(1000), "label": [0] * 700 + [1] * 300})
        labels = mc.CrowdLabels.from_long(pd.concat([frame, pd.DataFrame({"task": [1, 2], "worker": 0, "label": [0, 1]})]))
        result = run(method, labels)

        assert_sound(result, labels)
        assert result.label[0] == 0

    def test_names_without_labels(self, method):
        """Examples and annotators that have no label get a finite answer."""
        wide = np.array([[0, 1, np.nan, 0], [np.nan, np.nan, np.nan, np.nan], [1, 1, np.nan, 1], [0, np.nan, np.nan, 0]])
        labels = mc.CrowdLabels.from_wide(wide)

        assert_sound(run(method, labels), labels)

    def test_unused_classes(self, method):
        """A class that nobody gave stays in the result, with hardly any probability where labels agree."""
        if classes_of(method, 3) == 2:
            frame, _ = crowd(n_classes=1)
            labels = mc.CrowdLabels.from_long(frame, classes=["c0", "never"])
        else:
            labels = mc.CrowdLabels.from_long(crowd(n_classes=2)[0], classes=["c0", "c1", "never"])

        assert_sound(run(method, labels, pred_probs=np.full((len(labels.examples), len(labels.classes)), 1 / len(labels.classes))), labels)

    def test_leaves_the_world_alone(self, method):
        """Inputs and the global random states are as before, and results cannot be written to."""
        frame, truth = crowd(n_classes=classes_of(method, 3))
        labels = mc.CrowdLabels.from_long(frame)
        model = model_of(labels, truth)
        before = (labels.fingerprint, model.copy(), np.random.get_state()[1].copy(), random.getstate())  # noqa: NPY002
        result = run(method, labels, truth, pred_probs=model)
        del labels.__dict__["fingerprint"]

        assert labels.fingerprint == before[0]
        np.testing.assert_array_equal(model, before[1])
        np.testing.assert_array_equal(np.random.get_state()[1], before[2])  # noqa: NPY002
        assert random.getstate() == before[3]
        with pytest.raises(ValueError, match="read-only"):
            result.posterior[0] = 0

    def test_cancelling(self, method):
        """Raising Cancelled in on_iteration ends the run at once."""
        if "on_iteration" not in mc.METHODS[method].run.__code__.co_varnames:
            return
        frame, truth = crowd(n_classes=classes_of(method, 3))
        calls = []

        def stop(iteration, objective):
            calls.append(iteration)
            raise mc.Cancelled

        with pytest.raises(mc.Cancelled):
            run(method, mc.CrowdLabels.from_long(frame), truth, on_iteration=stop)
        assert len(calls) == 1

    def test_iterations(self, method):
        """tol=0 does exactly max_iter iterations; a run that stopped earlier says that it converged."""
        if not {"max_iter", "tol"} <= set(mc.METHODS[method].options):
            return
        frame, truth = crowd(n_classes=classes_of(method, 3))
        labels = mc.CrowdLabels.from_long(frame)

        assert run(method, labels, truth, max_iter=7, tol=0).n_iter == 7
        assert run(method, labels, truth, max_iter=1).n_iter == 1
        long = run(method, labels, truth, max_iter=500)
        assert long.converged or long.n_iter == 500

    def test_refuses_what_it_cannot_do(self, method):
        """Needs that are not met, and unknown options, are one clear ValueError."""
        frame, truth = crowd(n_classes=classes_of(method, 3))
        labels = mc.CrowdLabels.from_long(frame)
        needs = mc.METHODS[method].needs
        if "pred_probs" in needs:
            with pytest.raises(ValueError, match="needs pred_probs"):
                mc.aggregate(labels, method, gold={"e0": "c0"})
        if "gold" in needs:
            with pytest.raises(ValueError, match="needs gold"):
                mc.aggregate(labels, method, pred_probs=model_of(labels, truth))
        with pytest.raises(ValueError, match="has no option 'nonsense'"):
            run(method, labels, truth, nonsense=1)
