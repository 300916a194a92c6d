"""Every blockwise method says of labels on disk what it says of the same labels in memory."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import multiannotator_core as mc
from multiannotator_core.aggregation import size
from multiannotator_core.aggregation.engine import Blocks
from multiannotator_core.align import gold_codes
from multiannotator_core.large import running
from tests.crowds import crowd, model_of

ROOT = Path(__file__).parents[2]
BLOCKWISE = [name for name, method in mc.METHODS.items() if method.blockwise]
STATEFUL = ("dawid_skene", "glad", "mace", "fast_dawid_skene", "zero_based_skill")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 60 labels or so, so that small crowds have several."""
    monkeypatch.setattr("multiannotator_core.aggregation.block.BLOCK", 60)


def uneven(seed):
    """A crowd with examples without labels and with one, and gold for some."""
    frame, truth = crowd(n_examples=150, n_annotators=5, labels_per_example=3, seed=seed)
    labels = mc.CrowdLabels.from_long(frame)
    rows = (labels.example % 7 > 0) & ((labels.example % 5 > 0) | (np.diff(labels.example, prepend=-1) > 0))
    some = mc.CrowdLabels(
        labels.examples, labels.annotators, labels.classes, labels.example[rows], labels.annotator[rows], labels.label[rows]
    )
    return some, truth.iloc[:20], model_of(labels, truth)


def given_to(method, gold, model):
    given = {"gold": gold} | ({"n_restarts": 2} if method == "mace" else {})
    return given | ({"pred_probs": model} if "pred_probs" in mc.METHODS[method].needs else {})


def assert_same(one, other, tolerance=1e-9):
    """All that a result holds."""
    np.testing.assert_allclose(other.posterior, one.posterior, atol=tolerance)
    np.testing.assert_array_equal(other.label, one.label)
    np.testing.assert_allclose(other.annotator_quality, one.annotator_quality, atol=tolerance)
    np.testing.assert_allclose(other.trace, one.trace, rtol=tolerance)
    assert (other.converged, other.method, other.options) == (one.converged, one.method, one.options)
    for name in ("confusion", "difficulty", "undecided"):
        assert (getattr(one, name) is None) == (getattr(other, name) is None)
        if getattr(one, name) is not None:
            np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=tolerance)
    assert one.annotator_scores.keys() == other.annotator_scores.keys()
    for name, values in one.annotator_scores.items():
        np.testing.assert_allclose(other.annotator_scores[name], values, atol=tolerance)


@pytest.mark.parametrize("method", BLOCKWISE)
@pytest.mark.parametrize("seed", range(2))
def test_a_folder_says_what_memory_says(method, seed, tmp_path):
    """Posterior, labels, annotators, objective and all scores are the same, with gold and without, kept in memory or read anew."""
    labels, gold, model = uneven(seed)
    folder = mc.save_labels(labels, tmp_path / "labels")
    for known in (gold, None):
        if known is None and "gold" in mc.METHODS[method].needs:
            continue
        given = given_to(method, known, model)
        assert_same(mc.aggregate(labels, method, **given), mc.aggregate(folder, method, memory=0 if seed else None, **given))


@pytest.mark.parametrize("method", BLOCKWISE)
def test_threads_change_no_bit(method):
    """One thread and three, on many blocks that keep a state, give the same bits."""
    labels, gold, model = uneven(0)
    options = {"n_restarts": 2} if method == "mace" else {}
    one, three = (
        mc.aggregation.run_blockwise(Blocks(labels, threads, gold=gold_codes(labels, gold), models=(model,)), method, **options)
        for threads in (1, 3)
    )

    assert_same(one, three, 0)
    np.testing.assert_array_equal(one.posterior, three.posterior)


def test_options_reach_the_method(tmp_path):
    """Options, the seed and a start are those of the method in memory."""
    labels, gold, _ = uneven(0)
    folder = mc.save_labels(labels, tmp_path / "labels")
    start = np.asarray(mc.aggregate(labels, "majority_vote").posterior)
    for method, options in (
        ("dawid_skene", {"accelerate": True, "max_iter": 30, "tol": 0.0}),
        ("one_coin", {"prior_strength": 0.0}),
        ("mace", {"seed": 3, "n_restarts": 2}),
        ("fast_dawid_skene", {"hybrid": True}),
        ("dawid_skene", {"start": start, "gold": gold}),
    ):
        assert_same(mc.aggregate(labels, method, **options), mc.aggregate(folder, method, **options))


def test_calibrated_models(tmp_path):
    """CROWDLAB finds the same temperatures block by block, for two models."""
    labels, _, model = uneven(1)
    folder = mc.save_labels(labels, tmp_path / "labels")
    models = [model, np.full(model.shape, 1 / model.shape[1])]
    given = {"pred_probs": models, "calibrate_probs": True}

    assert_same(mc.aggregate(labels, "crowdlab", **given), mc.aggregate(folder, "crowdlab", **given))


@pytest.mark.parametrize("method", ["crowdlab", "wawa", "mace"])
def test_one_label_each(method, tmp_path):
    """A crowd in which nobody has company is judged as in memory."""
    frame, truth = crowd(labels_per_example=1, n_examples=200)
    labels = mc.CrowdLabels.from_long(frame)
    given = given_to(method, None, model_of(labels, truth))

    assert_same(mc.aggregate(labels, method, **given), mc.aggregate(mc.save_labels(labels, tmp_path / "x"), method, **given))


def test_the_folder_is_the_labels(tmp_path):
    """Names, codes and fingerprint come back; times are left out."""
    labels, _, _ = uneven(0)
    folder = mc.open_labels(mc.save_labels(labels, tmp_path / "labels").path)
    back = folder.to_labels()

    assert back.fingerprint == folder.fingerprint == labels.fingerprint
    assert (len(folder), folder.shape) == (len(labels), (150, 5, 3))
    assert repr(folder).endswith("labels of 150 examples by 5 annotators, 3 classes)")
    pd.testing.assert_index_equal(folder.examples, labels.examples)


def test_half_precision_and_parquet(tmp_path):
    """float32 rounds the posterior on disk only; the Parquet file holds names, consensus and the probabilities."""
    labels, _, _ = uneven(0)
    folder = mc.save_labels(labels, tmp_path / "labels")
    exact, rounded = mc.aggregate(labels), mc.aggregate(folder, dtype="float32")
    mc.write_posterior(folder, rounded, tmp_path / "p.parquet", dtype="float32")
    frame = pq.read_table(tmp_path / "p.parquet").to_pandas()

    assert rounded.posterior.dtype == np.float32
    np.testing.assert_allclose(rounded.posterior, exact.posterior, atol=1e-7)
    assert frame["example"].tolist() == labels.examples.tolist()
    assert frame["consensus_label"].tolist() == labels.classes[exact.label].tolist()
    np.testing.assert_allclose(frame["p(c1)"], exact.posterior[:, 1], atol=1e-7)
    np.testing.assert_allclose(frame["consensus_quality_score"], exact.quality, atol=1e-7)


# ---------------------------------------------------------------------- killed, cancelled, in use


@pytest.mark.parametrize("method", STATEFUL)
def test_a_cancelled_run_goes_on(method, tmp_path):
    """Cancelled after the third iteration, called again: the fourth comes next and the end is that of an undisturbed run."""
    labels, _, _ = uneven(0)
    folder = mc.save_labels(labels, tmp_path / "labels")
    own = {"mace": {"n_restarts": 2}, "fast_dawid_skene": {"hybrid": True}, "dawid_skene": {"accelerate": True}}
    options = {"tol": 0.0, "max_iter": 8} | own.get(method, {})
    seen = []

    def stop(iteration, objective):
        if iteration == 3:
            raise mc.Cancelled

    with pytest.raises(mc.Cancelled):
        folder.aggregate(method, on_iteration=stop, output=tmp_path / "run", **options)
    result = folder.aggregate(method, on_iteration=lambda i, _: seen.append(i), output=tmp_path / "run", **options)

    assert seen[0] == 4
    assert_same(mc.aggregate(labels, method, **options), result, 0)
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(("state", "checkpoint"))]


KILLED = """
import os, signal, sys
import multiannotator_core as mc
from multiannotator_core.aggregation import block
block.BLOCK = 60
def kill(iteration, objective):
    if iteration == 4:
        os.kill(os.getpid(), signal.SIGKILL)
mc.open_labels(sys.argv[1]).aggregate("glad", on_iteration=kill, output=sys.argv[2], tol=0.0, max_iter=8)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_run_goes_on(tmp_path):
    """A process killed in its fourth iteration leaves a run that another process ends as if nothing had happened."""
    labels, _, _ = uneven(1)
    folder = mc.save_labels(labels, tmp_path / "labels")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(folder.path), str(tmp_path / "run")], cwd=ROOT, check=False)
    seen = []
    result = folder.aggregate("glad", on_iteration=lambda i, _: seen.append(i), output=tmp_path / "run", tol=0.0, max_iter=8)

    assert ended.returncode == -signal.SIGKILL
    assert seen == [5, 6, 7, 8]
    assert_same(mc.aggregate(labels, "glad", tol=0.0, max_iter=8), result, 0)


def test_another_run_is_not_taken_up(tmp_path):
    """A checkpoint of other options or gold is not gone on from."""
    labels, gold, _ = uneven(0)
    folder = mc.save_labels(labels, tmp_path / "labels")

    def stop(iteration, objective):
        raise mc.Cancelled

    with pytest.raises(mc.Cancelled):
        folder.aggregate("dawid_skene", on_iteration=stop, output=tmp_path / "run")
    seen = []
    result = folder.aggregate("dawid_skene", gold=gold, on_iteration=lambda i, _: seen.append(i), output=tmp_path / "run")

    assert seen[0] == 1
    assert_same(mc.aggregate(labels, gold=gold), result)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such lock")
def test_two_runs_do_not_share_a_place(tmp_path):
    """The second of two runs that would write the same files says so."""
    labels, _, _ = uneven(0)
    folder = mc.save_labels(labels, tmp_path / "labels")
    (tmp_path / "run").mkdir()

    with running.alone(tmp_path / "run"), pytest.raises(ValueError, match="is in use by another run; wait for it"):
        folder.aggregate(output=tmp_path / "run")


def test_a_result_outlives_the_next_one(tmp_path):
    """The posterior of a finished run can be read after the same run is done again."""
    labels, _, _ = uneven(0)
    folder = mc.save_labels(labels, tmp_path / "labels")
    first = folder.aggregate("wawa")
    before = np.array(first.posterior)
    folder.aggregate("wawa")

    np.testing.assert_array_equal(first.posterior, before)


# ---------------------------------------------------------------------- refusals


def test_refusals(tmp_path):
    """Each thing that cannot be done is one sentence that says what can."""
    labels, _, model = uneven(0)
    folder = mc.save_labels(labels, tmp_path / "labels")
    (tmp_path / "other").mkdir()
    for say, wrong in (
        (
            "needs all labels in memory; of labels on disk or on a cluster these methods are able: majority_vote",
            lambda: folder.aggregate("ebcc"),
        ),
        ("has no option 'nonsense'", lambda: folder.aggregate("wawa", nonsense=1)),
        ("There is no method 'nobody'", lambda: folder.aggregate("nobody")),
        ("CROWDLAB cannot run: it needs pred_probs", lambda: folder.aggregate("crowdlab")),
        ("cannot run: it needs gold", lambda: folder.aggregate("gold_majority_vote")),
        (
            r"arrays of shape \(150, 3\) in the order of the examples; got \(5, 3\)",
            lambda: folder.aggregate("crowdlab", pred_probs=model[:5]),
        ),
        ("is negative", lambda: folder.aggregate("crowdlab", pred_probs=-model)),
        ("start has shape", lambda: folder.aggregate("dawid_skene", start=model[:5])),
        ("No example of gold is among the labels", lambda: folder.aggregate("wawa", gold={"nobody": "c1"})),
        ("which is not one of the classes", lambda: folder.aggregate("wawa", gold={"e1": "c9"})),
        ("dtype='int8' must be float64 or float32", lambda: folder.aggregate("wawa", dtype="int8")),
        ("exists; give force=True to replace it", lambda: mc.save_labels(labels, tmp_path / "labels")),
        ("it is no folder of labels, so it is not replaced", lambda: mc.save_labels(labels, tmp_path / "other", force=True)),
        ("There is no folder", lambda: mc.save_labels(labels, tmp_path / "a" / "b")),
        ("is no folder of labels: it has no manifest.json", lambda: mc.open_labels(tmp_path)),
    ):
        with pytest.raises(ValueError, match=say):
            wrong()
    assert not (tmp_path / "labels" / "results").exists()


def test_damaged_folders(tmp_path):
    """A file that is too short, and a folder of another version, are refused when it is opened."""
    folder = mc.save_labels(uneven(0)[0], tmp_path / "labels")
    (folder.path / "annotator.int32").write_bytes(b"1234")
    with pytest.raises(ValueError, match=re.escape("annotator.int32 holds 1 of")):
        mc.open_labels(folder.path)
    (folder.path / "manifest.json").write_text(json.dumps(folder.manifest | {"version": 99}), "utf-8")
    with pytest.raises(ValueError, match="is of version 99"):
        mc.open_labels(folder.path)


def test_names_that_no_file_holds(tmp_path):
    """Names of mixed types are refused; whole numbers and text are kept as they are."""
    odd = mc.CrowdLabels.from_long(pd.DataFrame({"task": [1, "1"], "worker": [2, 3], "label": ["x", "y"]}))
    with pytest.raises(ValueError, match="The example name 1 is int; on disk names are all text or all whole numbers"):
        mc.save_labels(odd, tmp_path / "odd")
    whole = mc.CrowdLabels.from_long(pd.DataFrame({"task": [10, 9], "worker": [2, -3], "label": [0, 7]}))

    assert mc.save_labels(whole, tmp_path / "whole").to_labels().fingerprint == whole.fingerprint


def test_tables_that_do_not_fit(monkeypatch, tmp_path):
    """A method with a table of J x K x K numbers too many says what it needs and which methods can, in memory and on disk."""
    labels, gold, _ = uneven(0)
    folder = mc.save_labels(labels, tmp_path / "labels")
    monkeypatch.setattr(size, "free_memory", lambda: 6 * 8 * 5 * 3 * 3 - 1)
    say = "needs 2.11 KiB for a confusion matrix of each of 5 annotators over 3 classes.*take plantnet, majority_vote, one_coin, glad, mace"
    for method in sorted(size.WITH_CONFUSIONS - {"dawid_skene_with_model"}):
        with pytest.raises(ValueError, match=say):
            mc.aggregate(labels, method)
    with pytest.raises(ValueError, match=say):
        folder.aggregate("ibcc")
    for method in ("plantnet", "majority_vote", "one_coin", "glad", "mace"):
        assert_same(mc.aggregate(labels, method, gold=gold), mc.aggregate(folder, method, gold=gold))


def test_readable_sizes():
    """Sizes are said with the unit that people would choose."""
    assert [size.readable(n) for n in (5, 3 << 10, 1.5 * (1 << 30), 4000 << 40)] == ["5 bytes", "3 KiB", "1.5 GiB", "4,000 TiB"]
