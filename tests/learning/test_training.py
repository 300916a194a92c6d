"""Training on a crowd: what is learned, that no example teaches its own probabilities, and that breaks change nothing."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.consensus import build
from multiannotator_core.learning.crossval import folds
from multiannotator_core.learning.networks import STRATEGIES, Known, Schedule, checkpoint, probability_metrics, train
from tests.learning import naive
from tests.learning.conftest import blobs

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install -r requirements-torch.txt")

BRIEF = Schedule(n_epochs=4, batch_size=32, patience=0)
LONG = Schedule(n_epochs=40, batch_size=32, learning_rate=2e-2, patience=0)


def arrays(learned):
    return [array for array in (learned.pred_probs, learned.test_probs, learned.confusion, learned.weights) if array is not None]


def same(one, other):
    assert one.curves == other.curves
    for expected, actual in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(expected, actual)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_contract(crowd, strategy):
    """Every strategy gives probabilities out of sample, a confusion whose rows sum to 1 and honest test metrics."""
    told = []
    test = Known(crowd.points[:50], [*crowd.truth[:40].tolist(), *[None] * 10])

    found = train(crowd.labels, crowd.points, strategy, n_folds=2, schedule=LONG, test=test, on_epoch=told.append)

    assert (found.pred_probs.argmax(axis=1) == crowd.truth).mean() > 0.9
    assert found.confusion.shape == (5, 3, 3)
    for array in (found.pred_probs, found.test_probs, found.confusion):
        np.testing.assert_allclose(1.0, array.sum(axis=-1))
        assert not array.flags.writeable
    assert found.test == probability_metrics(found.test_probs, np.append(crowd.truth[:40], [-1] * 10))
    assert (found.test["n"], found.test["accuracy"] > 0.9) == (40, True)
    assert tuple(one._replace(done=0) for one in told) == tuple(one._replace(done=0) for one in found.curves)
    assert [(one.run, one.epoch) for one in told] == [(run, epoch) for run in range(3) for epoch in range(1, 41)]
    assert (np.diff([one.done for one in told]) > 0).all()
    assert told[-1].done == 1
    assert set(STRATEGIES[strategy].options) == set(found.options)


@pytest.mark.parametrize(
    ("strategy", "options"), [("crowdlayer", {}), ("raykar", {}), ("conal", {"scale": 0.0}), ("consensus", {"method": "dawid_skene"})]
)
def test_known_confusions_are_recovered(strategy, options):
    """With 400 labels each, the learned confusions are those the labels were drawn from."""
    made = blobs(600, seed=3)
    schedule = Schedule(n_epochs=60, batch_size=64, learning_rate=2e-2, patience=0)

    found = train(made.labels, made.points, strategy, n_folds=0, schedule=schedule, **options)

    assert np.corrcoef(made.confusion.ravel(), found.confusion.ravel())[0, 1] > (0.9 if strategy == "conal" else 0.97)


def test_vector_layers_learn_who_is_reliable():
    """With one weight a class, the expert's diagonal is above that of the guesser, and the bias knows a favourite class."""
    made = blobs(300, seed=1)
    always = np.where(made.labels.annotator == 3, 2, made.labels.label)
    labels = type(made.labels)(
        made.labels.examples, made.labels.annotators, made.labels.classes, made.labels.example, made.labels.annotator, always
    )

    vector, bias = (
        train(labels, made.points, "crowdlayer", n_folds=0, schedule=LONG, variant=variant).confusion
        for variant in ("vector", "vector_bias")
    )

    assert np.trace(vector[0]) > np.trace(vector[3])
    assert (bias[3].argmax(axis=1) == 2).all()


def test_probabilities_of_an_example_do_not_know_its_labels():
    """Another minority label of an example changes the probabilities of the other folds, never those of its own fold."""
    made = blobs(60, per_example=4)
    labels = made.labels
    votes = labels.votes
    example = int(np.flatnonzero((votes.max(axis=1) == 3) & (votes.argmax(axis=1) == 0))[0])
    row = int(np.flatnonzero((labels.example == example) & (labels.label != 0))[0])
    changed = labels.label.copy()
    changed[row] = 3 - changed[row]
    other = type(labels)(labels.examples, labels.annotators, labels.classes, labels.example, labels.annotator, changed)
    fold = folds(votes.argmax(axis=1), np.ones(60, dtype=bool), 3, 0)
    mine = fold == fold[example]

    for strategy in STRATEGIES:
        before, after = (train(given, made.points, strategy, n_folds=3, schedule=BRIEF).pred_probs for given in (labels, other))
        np.testing.assert_array_equal(before[mine], after[mine], err_msg=strategy)
        assert np.abs(before - after)[~mine].max() > 0, strategy


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_seed_decides(crowd, strategy):
    """The same seed gives the same numbers, another one others, and torch's own generator is as before."""
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    one, again, other = (train(crowd.labels, crowd.points, strategy, n_folds=2, schedule=BRIEF, seed=seed) for seed in (1, 1, 2))

    same(one, again)
    assert np.abs(one.pred_probs - other.pred_probs).max() > 0
    assert torch.equal(state, torch.random.get_rng_state())


def test_two_trainings_at_a_time_do_not_meet(crowd):
    """Two threads that train get what each gets alone: dropout does not draw from the other's numbers."""

    def run(seed):
        return train(crowd.labels, crowd.points, n_folds=0, schedule=BRIEF, seed=seed, test=Known(crowd.points))

    expected = [run(seed) for seed in range(4)]

    with ThreadPoolExecutor(4) as pool:
        actual = list(pool.map(run, range(4)))

    for one, other in zip(expected, actual, strict=True):
        same(one, other)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("stop", [3, 4, 6])
def test_resumed_equals_uninterrupted(crowd, tmp_path, strategy, stop):
    """A training that was cancelled in or between its runs goes on from the file and ends with the same numbers."""
    path = tmp_path / "training.pt"
    schedule = Schedule(n_epochs=4, batch_size=32, patience=2, milestones=(2,), weight_decay=1e-4)
    given = {"n_folds": 2, "schedule": schedule, "test": Known(crowd.points)}
    expected = train(crowd.labels, crowd.points, strategy, **given)
    seen = []

    def cancel(epoch):
        seen.append(epoch)
        if len(seen) == stop:
            raise mc.Cancelled

    with pytest.raises(mc.Cancelled):
        train(crowd.labels, crowd.points, strategy, checkpoint=path, on_epoch=cancel, **given)
    assert [path] == list(tmp_path.iterdir())
    actual = train(crowd.labels, crowd.points, strategy, checkpoint=path, on_epoch=seen.append, **given)

    same(expected, actual)
    assert len(expected.curves) == len(seen)  # no epoch was trained twice
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys, torch
torch.set_num_threads(1)
from multiannotator_core.learning.networks import Schedule, train
from tests.learning.conftest import blobs
made = blobs(120)
train(made.labels, made.points, n_folds=2, schedule=Schedule(n_epochs=100000, patience=0), checkpoint=sys.argv[1],
      on_epoch=lambda epoch: print(epoch.epoch, flush=True))
"""


def test_a_killed_training_leaves_a_whole_file(tmp_path):
    """After SIGKILL in the midst of writing again and again, the file can be read, and holds the last epoch told or one more."""
    path = tmp_path / "training.pt"
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        told = [int(next(process.stdout)) for _ in range(8)]
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout if line.endswith("\n")]
    content = torch.load(path, weights_only=True)

    assert len(content["state"]["curve"]) >= told[-1] >= 8
    assert {"training.pt"} <= {file.name for file in tmp_path.iterdir()} <= {"training.pt", ".training.pt.part"}


def test_a_write_that_fails_keeps_the_file_before(tmp_path, monkeypatch):
    """When the disk is full half-way, the earlier checkpoint stays and nothing is left aside."""
    path = tmp_path / "training.pt"
    checkpoint.write(path, {"key": "k", "found": [1]})

    def half(content, file):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="No space"):
        checkpoint.write(path, {"key": "k", "found": [2]})

    assert checkpoint.read(path, "k") == {"key": "k", "found": [1]}
    assert [path] == list(tmp_path.iterdir())


def test_a_checkpoint_of_something_else_is_refused(crowd, tmp_path):
    """A file of another training, or none of ours, is named and left alone."""
    path = tmp_path / "training.pt"
    checkpoint.write(path, {"key": "of another", "found": [], "state": None})
    with pytest.raises(ValueError, match="other labels, features or options"):
        train(crowd.labels, crowd.points, checkpoint=path)
    path.write_bytes(b"something else")

    with pytest.raises(ValueError, match="no checkpoint"):
        train(crowd.labels, crowd.points, checkpoint=path)

    assert path.read_bytes() == b"something else"


def test_early_stopping_goes_back_to_the_best_epoch(crowd):
    """Training ends `patience` epochs after the best validation accuracy, and the network is that of the best epoch."""
    judges = Known(crowd.points, crowd.truth.tolist())
    schedule = Schedule(n_epochs=60, batch_size=16, learning_rate=0.05, patience=5)

    found = train(crowd.labels, crowd.points, schedule=schedule, n_folds=0, validation=judges, test=judges)
    curve = found.curve_table()
    best = curve["validation_accuracy"].max()

    assert best == pytest.approx(found.test["accuracy"])
    assert curve.loc[curve["validation_accuracy"] == best, "validation_loss"].min() == pytest.approx(found.test["log_loss"])
    at = curve[curve["validation_accuracy"] == best]["validation_loss"].idxmin()
    assert len(curve) == min(60, at + 1 + 5)


def test_the_held_out_share_judges_by_its_labels(crowd):
    """Without validation examples a tenth of the examples is held out: it never teaches, and its labels give the accuracy."""
    seen = []
    schedule = Schedule(n_epochs=3, batch_size=32, patience=3)

    found = train(crowd.labels, crowd.points, n_folds=0, schedule=schedule, on_batch=lambda rows, _: seen.append(rows))

    assert len(set(np.concatenate(seen).tolist())) == 120 - 12
    assert all(0 <= epoch.validation_accuracy <= 1 for epoch in found.curves)


def test_every_batch_can_be_watched(crowd):
    """on_batch sees each trained example once an epoch with its logits; examples without labels never come."""
    labels = crowd.labels
    keep = labels.example >= 10
    fewer = type(labels)(
        labels.examples, labels.annotators, labels.classes, labels.example[keep], labels.annotator[keep], labels.label[keep]
    )
    seen, told = [], []

    found = train(
        fewer, crowd.points, n_folds=2, schedule=BRIEF, on_epoch=told.append, on_batch=lambda *batch: seen.append((len(told), *batch))
    )

    assert all(logits.shape == (len(rows), 3) for _, rows, logits in seen)
    for epoch in range(4):
        assert list(range(10, 120)) == sorted(np.concatenate([rows for at, rows, _ in seen if at == epoch]).tolist())
    assert {at for at, _, _ in seen} == set(range(4))  # of the network that learns from all, and of no other
    assert np.isfinite(found.pred_probs).all()
    assert found.pred_probs.shape == (120, 3)


def test_consensus_of_network_and_labels(crowd):
    """What is learned becomes a Consensus like Dawid-Skene's: pred_probs times the chance of each label."""
    found = train(crowd.labels, crowd.points, "raykar", n_folds=2, schedule=BRIEF)
    expected = naive.posterior(crowd.labels, found.pred_probs, found.confusion)

    result = found.consensus(crowd.labels)

    np.testing.assert_allclose(expected, result.posterior, atol=1e-12)
    np.testing.assert_array_equal(found.confusion, result.confusion)
    assert (result.method, dict(result.options)) == ("raykar", dict(found.options))


def test_test_metrics_are_those_of_evaluate(crowd):
    """Accuracy, ECE and log loss are what `evaluate` says about the same probabilities."""
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 120)
    expected = mc.evaluate(crowd.labels, build(crowd.labels, probabilities.copy()), pd.Series(crowd.truth))

    found = probability_metrics(probabilities, crowd.truth)

    assert {name: expected[name] for name in found} == pytest.approx(found)


def test_one_class_and_idle_annotators():
    """One class, an annotator without labels and an example without labels: rows sum to 1 and nothing is NaN."""
    labels = mc.CrowdLabels(*map(pd.RangeIndex, (12, 3, 1)), np.arange(11), np.arange(11) % 2, np.zeros(11, dtype=int))
    points = np.random.default_rng(0).normal(size=(12, 2))

    for strategy in STRATEGIES:
        found = train(labels, points, strategy, n_folds=2, schedule=Schedule(n_epochs=2))
        np.testing.assert_allclose(np.ones((12, 1)), found.pred_probs)
        np.testing.assert_allclose(np.ones((3, 1, 1)), found.confusion)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strategy": "doctor"}, "no strategy 'doctor'"),
        ({"scale": 1}, "CrowdLayer has no option 'scale'; its options: variant"),
        ({"variant": "cube"}, "no variant 'cube'"),
        ({"strategy": "conal", "scale": -1.0}, "scale=-1.0"),
        ({"strategy": "raykar", "every": 0}, "every=0"),
        ({"strategy": "consensus", "method": "crowdlab"}, "needs pred_probs"),
        ({"backbone": "tower"}, "no network 'tower'"),
        ({"backbone": "linear", "backbone_options": {"hidden": 2}}, "Linear has no option 'hidden'"),
        ({"backbone": "cnn"}, "needs images"),
        ({"n_folds": 1}, "1 folds"),
        ({"device": "abacus"}, "no device 'abacus'"),
        ({"features": np.zeros((7, 2))}, "features of 7 examples, but labels of 120"),
        ({"test": Known(np.zeros((3, 5)))}, "another kind or size"),
        ({"test": Known(np.zeros((1, 2)), ["seven"])}, "'seven' is not one of the classes"),
        ({"test": Known(np.zeros((2, 2)), [0])}, "features of 2 examples, but classes of 1"),
        ({"validation": Known(np.zeros((2, 2)), [None, None])}, "no known class"),
    ],
)
def test_what_does_not_fit_is_named(crowd, given, message):
    """A wrong strategy, option, network or table is one sentence that names it."""
    arguments = {"features": crowd.points, "schedule": BRIEF, **given}

    with pytest.raises(ValueError, match=message):
        train(crowd.labels, **arguments)


@pytest.mark.parametrize("wrong", [{"n_epochs": 0}, {"batch_size": 0.5}, {"patience": -1}, {"learning_rate": 0}, {"validation_share": 1}])
def test_a_schedule_that_cannot_be_is_refused(wrong):
    """The schedule names the number that is out of range."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Schedule(**wrong)


def test_consensus_of_methods_that_need_more(crowd):
    """Methods with gold or a model teach the network when these are given, and say so when they are not."""
    gold = pd.Series(crowd.truth[:60])
    model = np.eye(3)[crowd.truth] * 0.7 + 0.1
    given = {"n_folds": 2, "schedule": BRIEF}

    by_gold = train(crowd.labels, crowd.points, "consensus", method="gold_majority_vote", gold=gold, **given)
    by_model = train(crowd.labels, crowd.points, "consensus", method="crowdlab", pred_probs=model, soft=False, **given)

    assert np.isfinite(by_gold.pred_probs).all()
    assert by_model.confusion is None
    with pytest.raises(ValueError, match="needs gold"):
        train(crowd.labels, crowd.points, "consensus", method="gold_majority_vote", **given)
