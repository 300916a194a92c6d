"""KOS and M-MSR against their equations; the contract that they share with the other methods is in test_glad.py."""

import importlib
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import multiannotator_core as mc
from multiannotator_core.aggregation.kos import kos
from multiannotator_core.aggregation.mmsr import bounded, mmsr
from tests import naive_difficulty as naive

DATA = Path(os.environ.get("CROWDLENS_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="real crowd data not found: set CROWDLENS_DATA")


def load(name):
    """A real set without repeated rows, where its gold stands, and the gold."""
    frame = pd.read_csv(DATA / name / "answers.csv", dtype=str)
    truth = pd.read_csv(DATA / name / "truth.csv", dtype=str).set_index("task")["truth"]
    labels = mc.CrowdLabels.from_long(frame, duplicates="collapse")
    return labels, labels.examples.get_indexer(truth.index), truth.to_numpy()


def crowd_of(chance, n_examples, n_classes, seed=0, labels_per_example=6):
    """A crowd whose annotators are right with these chances, and its truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=n_examples)
    example = np.repeat(np.arange(n_examples), labels_per_example)
    annotator = np.concatenate([rng.choice(len(chance), labels_per_example, replace=False) for _ in range(n_examples)])
    wrong = (truth[example] + rng.integers(1, n_classes, size=example.size)) % n_classes
    label = np.where(rng.random(example.size) < np.asarray(chance)[annotator], truth[example], wrong)
    names = pd.RangeIndex(n_examples), pd.RangeIndex(len(chance)), pd.RangeIndex(n_classes)
    return mc.CrowdLabels(*names, example, annotator, label), truth


class TestKos:
    """Messages for two classes."""

    @pytest.mark.parametrize("seed", range(25))
    def test_twin(self, seed):
        """Posterior, decisions, accuracies and cosines equal those of plain loops over the equations."""
        labels, _, gold = naive.random_crowd(seed, n_classes=2, density=(0.2, 0.5, 0.9)[seed % 3])
        gold = gold if seed % 2 else np.full_like(gold, -1)
        first = np.random.default_rng(seed).normal(1, 1, len(labels))
        (odds, accuracy), score, cosines = naive.kos(labels, gold, first, 5.0, n_iter=6)

        result = kos(labels, gold=gold, seed=seed, max_iter=6, tol=0)

        assert np.abs(expit(odds) - result.posterior[:, 1]).max() < 1e-9
        assert np.abs(np.array(accuracy) - result.annotator_scores["accuracy"]).max() < 1e-9
        assert cosines == pytest.approx(result.trace, abs=1e-9)
        clear = (np.abs(score) > 1e-9) & (gold < 0)
        assert np.array_equal(np.array(score)[clear] > 0, result.label[clear])

    def test_messages_that_cancel(self):
        """Messages of zero are no error: the labels themselves decide, and even ones fall to the tie rule."""
        rows = [(0, "a", 1), (0, "b", 1), (0, "c", 0), (1, "d", 0), (1, "e", 1), (2, "f", 0)]
        labels = mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["example", "annotator", "label"]))

        result = mc.aggregate(labels, "kos")

        assert np.array_equal([1, 0, 0], result.label)
        assert np.isfinite(result.posterior).all()

    def test_spammers_and_liars(self):
        """Annotators who guess lose their weight, and those who lie are turned round."""
        labels, truth = crowd_of([0.9] * 12 + [0.5] * 8 + [0.1] * 4, 400, 2)

        result = mc.aggregate(labels, "kos")

        votes = mc.aggregate(labels, "majority_vote")
        assert (result.label == truth).mean() > (votes.label == truth).mean() + 0.05
        reliability = result.annotator_scores["reliability"]
        assert reliability[20:].max() < 0 < reliability[:12].min()

    def test_busy_annotators_do_not_decide_alone(self):
        """On a crowd where one guesser gave most labels the others still decide."""
        rng = np.random.default_rng(3)
        truth = rng.integers(2, size=300)
        rows = [(i, "busy", rng.integers(2)) for i in range(300)]
        rows += [
            (i, f"a{j}", truth[i] if rng.random() < 0.85 else 1 - truth[i]) for i in range(300) for j in rng.choice(30, 5, replace=False)
        ]
        labels = mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["example", "annotator", "label"]))

        assert (mc.aggregate(labels, "kos").label == truth).mean() > 0.9

    def test_parts_that_never_meet(self):
        """Crowds without a common annotator do not drown each other: together they decide as well as alone."""
        crowds = [crowd_of([0.8] * 15, 200, 2, seed, labels_per_example=3 + 4 * seed) for seed in range(2)]
        frames = [labels.to_long().astype(str).assign(part=str(p)) for p, (labels, _) in enumerate(crowds)]
        both = pd.concat(frames)
        both = both.assign(example=both["part"] + "-" + both["example"], annotator=both["part"] + "-" + both["annotator"])
        together = mc.CrowdLabels.from_long(both)

        result = mc.aggregate(together, "kos", max_iter=2000, tol=0)

        for p, (labels, truth) in enumerate(crowds):
            at = together.examples.get_indexer([f"{p}-{i}" for i in range(200)])
            alone = (mc.aggregate(labels, "kos").label == truth).mean()
            assert (result.label[at] == truth).mean() == pytest.approx(alone, abs=0.011)

    def test_gold_speaks(self):
        """Gold tells who is right where half of the crowd always says the opposite of the other half."""
        rows = [(i, j, int(i % 2 == 0) if j < 2 else int(i % 2)) for i in range(20) for j in range(4)]
        labels = mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["example", "annotator", "label"]))

        result = mc.aggregate(labels, "kos", gold={i: i % 2 for i in range(5)})

        assert np.array_equal(np.arange(20) % 2, result.label)

    def test_needs_two_classes(self):
        """Three classes are refused in one sentence."""
        with pytest.raises(ValueError, match="needs exactly two classes, got 3"):
            mc.aggregate(naive.random_crowd(0)[0], "kos")

    def test_seed(self):
        """Another seed is another draw of messages."""
        labels, _, _ = naive.random_crowd(1, n_classes=2)

        assert kos(labels, seed=0, max_iter=1).trace != kos(labels, seed=1, max_iter=1).trace

    @needs_data
    @pytest.mark.parametrize(("name", "published"), [("bluebirds", 0.7222), ("rte", 0.9), ("sentiment_polarity", 0.8859)])
    def test_real_sets(self, name, published):
        """On real crowds KOS is as right as elsewhere (bluebirds), and far from chance where all-sum messages are at chance (rte)."""
        labels, at, truth = load(name)

        result = mc.aggregate(labels, "kos")

        assert (labels.classes[result.label][at] == truth).mean() >= published - 0.0051


class TestMmsr:
    """Skills from pairs that agree."""

    @pytest.mark.parametrize("seed", range(25))
    def test_twin(self, seed):
        """Skills, posterior and misfit equal those of dense loops over pairs, with repeated pairs and with gold."""
        labels, _, gold = naive.random_crowd(seed, n_classes=1 + seed % 4, n_annotators=6)
        gold = gold if seed % 2 else None
        skills, trace = naive.mmsr_skills(labels, gold, n_iter=7)

        result = mmsr(labels, gold=gold, max_iter=7, tol=0)

        assert np.abs(bounded(skills, labels) - result.annotator_scores["skill"]).max() < 1e-9
        assert trace == pytest.approx(result.trace, abs=1e-9)

    @pytest.mark.parametrize("pairs", [1, 7])
    def test_blocks(self, pairs, monkeypatch):
        """The number of blocks changes nothing."""
        labels, _ = crowd_of([0.8] * 20, 60, 3)
        expected = mmsr(labels)
        monkeypatch.setattr(importlib.import_module("multiannotator_core.aggregation.mmsr"), "PAIRS_IN_BLOCK", pairs)

        actual = mmsr(labels)

        assert np.abs(expected.posterior - actual.posterior).max() < 1e-12

    @pytest.mark.parametrize("n_classes", [2, 4])
    def test_skills_are_found(self, n_classes):
        """With many labels each, the chance to be right is estimated within .05."""
        chance = np.linspace(0.35, 0.95, 16)
        labels, _ = crowd_of(chance, 3000, n_classes)

        result = mmsr(labels)

        assert np.abs(chance - result.annotator_quality).max() < 0.05

    def test_posterior_is_the_weighted_vote(self):
        """The posterior is that of independent labels with these chances, all classes equally likely."""
        labels, _, _ = naive.random_crowd(3)
        result = mmsr(labels)
        expected = np.zeros((12, 3))
        for i, j, g in naive.rows(labels):
            chance = result.annotator_quality[j]
            expected[i] += np.log([chance if k == g else (1 - chance) / 2 for k in range(3)])
        expected = np.exp(expected)

        assert np.abs(expected / expected.sum(axis=1, keepdims=True) - result.posterior).max() < 1e-9

    def test_colluders(self, monkeypatch):
        """Annotators who agree on a wrong class on half of the examples are outweighed; without robust weights less so."""
        crowds = []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            labels, truth = crowd_of(0.3 + 0.7 * rng.beta(4, 2, size=60), 600, 3, seed)
            said = np.where(rng.random(600) < 0.5, (truth + 1) % 3, truth)[labels.example]
            label = np.where(labels.annotator < 15, said, labels.label)
            labels = mc.CrowdLabels(labels.examples, labels.annotators, labels.classes, labels.example, labels.annotator, label)
            crowds.append((labels, truth))

        def accuracy(method):
            return np.mean([(mc.aggregate(labels, method).label == truth).mean() for labels, truth in crowds])

        votes, robust = accuracy("majority_vote"), accuracy("mmsr")
        monkeypatch.setattr(importlib.import_module("multiannotator_core.aggregation.mmsr"), "HUBER", 1e9)

        assert robust > votes + 0.02
        assert robust > accuracy("mmsr") + 0.005

    def test_no_overlap(self):
        """Annotators without a common example all keep one skill, so that the votes decide."""
        rows = [(i, f"a{i}", i % 3) for i in range(9)]
        labels = mc.CrowdLabels.from_long(pd.DataFrame(rows, columns=["example", "annotator", "label"]))

        result = mc.aggregate(labels, "mmsr")

        assert np.array_equal(np.arange(9) % 3, result.label)
        assert np.ptp(result.annotator_scores["skill"]) == 0

    def test_sparse(self):
        """Thousands of annotators with little overlap need memory for their pairs, not for J squared."""
        rng = np.random.default_rng(0)
        n_annotators, n_examples = 20_000, 10_000
        example = np.repeat(np.arange(n_examples), 4)
        annotator = rng.permutation(np.arange(example.size) % n_annotators)
        label = np.where(rng.random(example.size) < 0.8, example % 5, rng.integers(5, size=example.size))
        names = pd.RangeIndex(n_examples), pd.RangeIndex(n_annotators), pd.RangeIndex(5)
        tracemalloc.start()
        result = mmsr(mc.CrowdLabels(*names, example, annotator, label), max_iter=5)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert peak < 60e6
        assert (result.label == np.arange(n_examples) % 5).mean() > 0.9

    def test_too_many_pairs(self, monkeypatch):
        """A crowd whose pairs do not fit into memory is refused with the number and the mend."""
        monkeypatch.setattr(importlib.import_module("multiannotator_core.aggregation.mmsr"), "MOST_PAIRS", 10)

        with pytest.raises(ValueError, match=r"pair of annotators .* more than 10\. Choose another method"):
            mmsr(naive.random_crowd(0)[0])

    @needs_data
    @pytest.mark.parametrize(("name", "published"), [("bluebirds", 0.713), ("rte", 0.8575), ("dog", 0.8278), ("weather_amt", 0.86)])
    def test_real_sets(self, name, published):
        """On real crowds M-MSR is at least as right as elsewhere."""
        labels, at, truth = load(name)

        result = mc.aggregate(labels, "mmsr")

        assert (labels.classes[result.label][at] == truth).mean() >= published - 0.0051
