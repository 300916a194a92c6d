"""The benchmarks of what to label next and of quality scores: their protocol, and what they promise to find."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.benchmark import active_learning as al
from multiannotator_core.benchmark import quality as q
from multiannotator_core.learning import Features
from tests.crowds import crowd

DATA = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))
real = pytest.mark.skipif(not DATA.is_dir(), reason="real crowd data not found: set CROWDLENS_DATA")


QUICK = (al.NEIGHBOURS,)


def small_pool(seed):
    """60 points of three classes with three labels each, and 40 to test."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 100)
    x = rng.normal(size=(100, 2)) + 4.0 * np.stack([np.cos(2 * truth), np.sin(2 * truth)], axis=1)
    given = np.where(rng.random((60, 3)) < 0.75, truth[:60, None], rng.integers(0, 3, (60, 3)))
    names = (pd.RangeIndex(60), pd.RangeIndex(3), pd.RangeIndex(3))
    labels = mc.CrowdLabels(*names, np.repeat(np.arange(60), 3), np.tile(np.arange(3), 60), given.ravel())
    return al.Pool("small", labels, truth[:60], x[:60], truth[60:], x[60:])


def small_case():
    """A crowd of 60 examples with features that tell the classes apart, and its truth."""
    frame, truth = crowd(labels_per_example=7)
    labels = mc.CrowdLabels.from_long(frame)
    code = labels.classes.get_indexer(truth.loc[labels.examples])
    noise = np.random.default_rng(0).normal(size=(60, 3))
    return q.Case("small", labels, truth, Features(noise + 2.0 * np.eye(3)[code]))


@pytest.mark.parametrize("n_start", [None, 20])
def test_each_round_buys_one_batch_until_nothing_is_left(n_start):
    """Labels rise by the batch in every round and stop at what the pool holds; all methods start alike."""
    found = al.active_learning(small_pool, methods=("random", "activelab"), n_start=n_start, runs=1, rounds=4, batch=50, models=QUICK)
    start = 60 if n_start is None else 20
    bought = found.groupby("method")["n_labels"].agg(list)

    for labels in bought:
        assert labels[0] == start
        assert labels[1] == start + 50
        assert max(labels) <= 180
        assert (np.diff(labels) >= 0).all()
    first = found[found["round"] == 0]
    assert first["consensus_accuracy"].nunique() == first["model_accuracy"].nunique() == 1


def test_progress_and_bands():
    """Progress counts every round of every method and run; bands hold the mean."""
    told = []
    found = al.active_learning(
        small_pool, methods=("random",), runs=2, rounds=1, batch=10, models=QUICK, on_progress=lambda *n: told.append(n)
    )
    bands = al.curves(found)

    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert (bands["consensus_accuracy_low"] <= bands["consensus_accuracy"]).all()
    assert (bands["consensus_accuracy"] <= bands["consensus_accuracy_high"]).all()
    assert (bands["title"] == "Random").all()
    assert (bands["runs"] == 2).all()


def test_a_stopped_benchmark_goes_on(tmp_path, monkeypatch):
    """Finished runs are kept in the folder and not computed again; one that is damaged is; other settings are other runs."""
    wanted = {"methods": ("random", "activelab"), "runs": 2, "rounds": 1, "batch": 10, "models": QUICK, "folder": tmp_path}

    def stop(done, total):
        if done == 5:
            raise mc.Cancelled

    with pytest.raises(mc.Cancelled):
        al.active_learning(small_pool, on_progress=stop, **wanted)
    kept = sorted(tmp_path.iterdir())
    there = al.active_learning(small_pool, finished_only=True, **wanted)
    whole = al.active_learning(small_pool, **wanted)
    trained = al._trained
    asked = []
    monkeypatch.setattr(al, "_trained", lambda *args: asked.append(1) or trained(*args))
    sorted(tmp_path.iterdir())[0].write_text("[")
    again = al.active_learning(small_pool, **wanted)

    assert len(kept) == 2
    assert there[["method", "run"]].drop_duplicates().to_numpy().tolist() == [["random", 0], ["activelab", 0]]
    assert len(asked) == 2
    pd.testing.assert_frame_equal(whole, again)
    assert len(al.active_learning(small_pool, **{**wanted, "rounds": 2})) == 12


def test_what_a_round_buys_comes_under_a_new_name():
    """In the published benchmark each round is one new annotator; else labels keep the names of those who gave them."""
    labels = small_pool(0).labels
    pool = al.Pool("p", labels, *([np.zeros(60, dtype=np.intp), np.zeros((60, 1))] * 2), None, True)
    when = np.where(np.arange(180) % 3 == 0, 0, np.where(np.arange(180) % 3 == 1, 2, 9))
    part = al._part(pool, when, 2, np.ones(60, dtype=bool))

    assert len(part) == 120
    assert len(part.annotators) == 5
    assert set(part.annotator.tolist()) == {0, 4}


def test_the_published_consensus_depends_on_the_method():
    """ActiveLab's consensus is CROWDLAB, that of the others is majority vote, unless all get the same."""
    assert {name: entrant.consensus for name, entrant in al.METHODS.items() if entrant.consensus != "majority_vote"} == {
        "activelab": "crowdlab",
        "activelab_ensemble": "crowdlab",
    }
    same = {"methods": ("activelab",), "runs": 1, "rounds": 1, "batch": 20, "models": QUICK}
    found = {consensus: al.active_learning(small_pool, consensus=consensus, **same) for consensus in al.CONSENSUS}

    pd.testing.assert_frame_equal(found["published"], found["crowdlab"])
    assert found["published"]["consensus_accuracy"].iloc[1] != found["majority_vote"]["consensus_accuracy"].iloc[1]


def test_probabilities_come_from_outside_the_fold():
    """Without a pattern to learn, a nearest neighbour that had seen the example would be always right; the others' mean is a posterior."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 80)
    none = np.empty(0, dtype=np.int32)
    labels = mc.CrowdLabels(pd.RangeIndex(80), pd.RangeIndex(1), pd.RangeIndex(2), none, none, none)
    pool = al.Pool("p", labels, truth, rng.normal(size=(80, 2)), truth, rng.normal(size=(80, 2)))
    target = np.where(np.arange(80) < 60, truth, -1).astype(np.int32)

    (found,), _ = al._trained(pool, target, (al.NEIGHBOURS,), 0)

    assert 0.25 < (found[:60].argmax(axis=1) == truth[:60]).mean() < 0.75
    np.testing.assert_allclose(1.0, found.sum(axis=1))


def test_noise_matrix_has_its_trace():
    """Rows are probabilities, and the diagonal sums to 0.85 K."""
    for seed in range(20):
        noise = al.noise_matrix(np.random.default_rng(seed), 4)
        np.testing.assert_allclose(1.0, noise.sum(axis=1))
        np.testing.assert_allclose(0.85 * 4, np.trace(noise))
        assert (noise >= 0).all()


@real
def test_wall_robot_pool_is_the_published_one():
    """2,000 examples of four classes with labels of 30 distinct annotators each, about 1.12 at the start and at most 5, 1,000 to test,
    and labels right in about 85%; with at most 5 labels to be had they keep their annotators.
    """
    table = pd.read_csv(DATA / "wall_robot" / "features4_with_class.csv")
    pool, few = al.wall_robot_pool(table), al.wall_robot_pool(table, most=5)
    labels = pool.labels
    pairs = labels.to_long()[["example", "annotator"]]

    assert (len(labels.examples), len(pool.test_truth)) == (2000, 1000)
    assert np.bincount(np.concatenate([pool.truth, pool.test_truth])).tolist() == [1100, 900, 300, 700]
    assert (labels.labels_per_example == 30).all()
    assert (few.labels.labels_per_example == 5).all()
    assert (pool.fresh, few.fresh) == (True, False)
    assert (pool.start.min(), pool.start.max() <= 5) == (1, True)
    assert abs(pool.start.mean() - 1.12) < 0.03
    assert not pairs.duplicated().any()
    assert abs((labels.label == pool.truth[labels.example]).mean() - 0.85) < 0.06


def test_digits_pool_keeps_examples_apart():
    """Two thirds are labelled and the others test; features and truth belong to the examples."""
    pool = al.digits_pool(3)

    assert len(pool.truth) == len(pool.features) == len(pool.labels.examples) == 1198
    assert len(pool.test_truth) == len(pool.test_features) == 599
    assert (pool.labels.label == pool.truth[pool.labels.example]).mean() > 0.6


def test_label_sets_are_what_they_say():
    """From one to five labels of each example; the worst annotators are worse than those by lot; complete is all."""
    sample = mc.simulate("one-coin", n_examples=300, n_annotators=20, n_classes=3, labels_per_example=8, seed=1)
    sets = q.label_sets(sample.labels, sample.truth)
    right = {name: (labels.label == sample.truth.to_numpy()[labels.example]).mean() for name, labels in sets.items()}

    assert list(sets) == list(q.LABEL_SETS)
    assert sets["complete"] is sample.labels
    for name in q.LABEL_SETS[1:]:
        counts = sets[name].labels_per_example
        assert (counts.min(), counts.max()) == (1, 5)
    assert right["worst annotators"] < right["uniform 1-5"] - 0.05


def test_every_combination_is_judged_once():
    """Rows are the combinations that can be computed; the consensus has one accuracy whatever the quality score."""
    case = small_case()
    found = q.quality_benchmark(case, classifiers=("logistic_regression",), consensus=("majority_vote", "glad", "crowdlab"))
    keys = ["labels", "model", "consensus"]

    assert not found.duplicated([*keys, "quality"]).any()
    assert found.groupby(keys)["accuracy"].std().fillna(0).max() < 1e-12
    assert set(found["model"]) == {"logistic_regression", "perfect"}
    assert set(found.loc[found["quality"] == "difficulty", "consensus"]) == {"glad"}


def test_auroc_of_the_posterior_is_that_of_evaluate():
    """The row of a method's own posterior repeats `evaluate`."""
    case = small_case()
    found = q.quality_benchmark(case, classifiers=("logistic_regression",), consensus=("dawid_skene",), sets=("worst annotators",))
    labels = q.label_sets(case.labels, case.truth)["worst annotators"]
    expected = mc.evaluate(labels, mc.aggregate(labels, "dawid_skene"), case.truth)
    row = found[found["quality"] == "posterior"].iloc[0]

    assert expected["auroc"] == pytest.approx(row["auroc"])
    assert expected["auprc"] == pytest.approx(row["auprc"])
    assert expected["lift_at_10"] == pytest.approx(row["lift_at_10"])


def test_cifar10h_layout():
    """Attention checks are left out, and the truth is one class an image."""
    table = pd.DataFrame(
        {
            "annotator_id": [0, 0, 1, 1],
            "chosen_category": ["cat", "dog", "dog", "cat"],
            "true_category": ["cat", "dog", "cat", "cat"],
            "cifar10_test_test_idx": [5, -99999, 5, 7],
        }
    )

    labels, truth = q.cifar10h(table)

    assert len(labels) == 3
    assert truth.to_dict() == {5: "cat", 7: "cat"}
    with pytest.raises(ValueError, match="annotator_id"):
        q.cifar10h(table.drop(columns="annotator_id"))


@pytest.mark.parametrize(
    "call",
    [
        lambda: al.active_learning(small_pool, methods=("magic",)),
        lambda: al.active_learning(small_pool, consensus="magic"),
        lambda: al.active_learning(small_pool, runs=0),
        lambda: q.quality_benchmark(small_case(), qualities=("magic",)),
        lambda: al.wall_robot_pool(pd.DataFrame({"x": [1.0]})),
        lambda: q.folder_case("nowhere"),
    ],
)
def test_wrong_input_is_refused(call):
    """Unknown names, numbers out of range and missing files are one sentence each."""
    with pytest.raises(ValueError, match=r"\."):
        call()
