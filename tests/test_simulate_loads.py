"""Promises of `simulate`: a seed is one crowd everywhere, and annotators may have unequal loads."""

import hashlib
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from multiannotator_core.export import WRITERS, Outgoing
from multiannotator_core.ingest import read_labels
from multiannotator_core.simulate import STRATEGIES, loads, option_words, profiles, simulate, stable, strategy_options

MATRICES = np.array([np.eye(5) * 0.6 + 0.08] * 20)

# SHA-256 of the codes of examples, annotators and labels, and of the truth, measured once. They change with a strategy alone.
CROWDS = {
    "hammer-spammer": "bae2fdc9d2c3d2a1",
    "independent-confusion": "f1748400fca1e8a1",
    "student-teacher": "46c82c18a87769e8",
    "discrete-difficulty": "eef718bc300fb97f",
    "one-coin": "b4feb859cf5ad2e9",
    "glad": "25b6e754e3ccd1a4",
    "mace": "78f11433e323ed55",
    "copying": "e1962f8c07214970",
    "drift": "f99c7050336393ec",
    "given-confusion": "b979bc37befdcec5",
    "hammer-spammer {'load': 'heavy-tailed'}": "1886a00040de0101",
    "glad {'imbalance': True}": "2ed317c4a6b0ed75",
}


def fingerprint(crowd):
    columns = (crowd.labels.example, crowd.labels.annotator, crowd.labels.label, crowd.truth)
    return hashlib.sha256(b"".join(np.asarray(column).astype("<i4").tobytes() for column in columns)).hexdigest()[:16]


def drawn(strategy, **more):
    own = {"confusion": MATRICES} if strategy == "given-confusion" else {}
    sizes = {"n_examples": 500, "n_annotators": 20, "n_classes": 5, "labels_per_example": 6}
    return simulate(strategy, **{**sizes, **own, **more})


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_seed_is_the_same_crowd_on_every_machine(strategy):
    """3,000 labels of each strategy have the stored hash; if it must change, the changelog says so."""
    assert CROWDS[strategy] == fingerprint(drawn(strategy, seed=7))


@pytest.mark.parametrize(("strategy", "options"), [("hammer-spammer", {"load": "heavy-tailed"}), ("glad", {"imbalance": True})])
def test_loads_are_the_same_on_every_machine(strategy, options):
    """So have crowds with unequal loads and unequal numbers of labels."""
    assert CROWDS[f"{strategy} {options}"] == fingerprint(drawn(strategy, seed=7, **options))


@pytest.mark.parametrize(
    ("drawing", "cdf"),
    [
        (lambda rng: stable.normal(rng, 2.0, 3.0, 4000), stats.norm(2, 3).cdf),
        (lambda rng: np.exp(stable.log_gamma(rng, 0.2, 4000)), stats.gamma(0.2).cdf),
        (lambda rng: np.exp(stable.log_gamma(rng, 1.0, 4000)), stats.expon().cdf),
        (lambda rng: stable.beta(rng, 0.5, 4000), stats.beta(0.5, 0.5).cdf),
        (lambda rng: stable.dirichlet(rng, 0.2, (4000, 5))[:, 3], stats.beta(0.2, 0.8).cdf),
    ],
    ids=["normal", "gamma", "exponential", "beta", "dirichlet"],
)
def test_stable_draws_have_their_distribution(drawing, cdf):
    """Each draw follows the distribution it is named after (Kolmogorov-Smirnov)."""
    assert stats.kstest(drawing(np.random.default_rng(3)), cdf).pvalue > 0.01


def test_tiny_shapes_do_not_vanish():
    """Where gamma numbers underflow, a Dirichlet is still a distribution, nearly all of it on one class."""
    points = stable.dirichlet(np.random.default_rng(0), 1e-3, (2000, 3))

    assert np.isfinite(points).all()
    np.testing.assert_allclose(points.sum(axis=1), 1)
    assert (points.max(axis=1) > 0.9).mean() > 0.99


def chances_of_pairs(weight):
    """{(i, j), sorted: chance} that successive sampling of two takes these; summed over both orders."""
    total, chance = weight.sum(), {}
    for first, second in permutations(range(len(weight)), 2):
        pair = tuple(sorted((first, second)))
        chance[pair] = chance.get(pair, 0) + weight[first] / total * weight[second] / (total - weight[first])
    return chance


@pytest.mark.parametrize("rounds", [0, 1, 8], ids=["by waiting times", "one round", "by repeats"])
def test_weighted_columns_are_successive_sampling(monkeypatch, rounds):
    """However the work is split between the two ways of drawing, every set of annotators has the chance that theory gives it."""
    monkeypatch.setattr(loads, "ROUNDS", rounds)
    weight, n = np.array([8.0, 4.0, 2.0, 1.0, 1.0]), 20_000
    expected = chances_of_pairs(weight)

    pairs = loads.weighted_columns(np.random.default_rng(1), np.full(n, 2), weight).reshape(n, 2)
    found, count = np.unique(pairs, axis=0, return_counts=True)

    assert [tuple(pair) for pair in found.tolist()] == sorted(expected)
    assert stats.chisquare(count, [n * expected[pair] for pair in sorted(expected)]).pvalue > 0.01


def test_one_annotator_who_does_nearly_everything():
    """Extreme loads end: examples get their number of labels by distinct annotators."""
    crowd = drawn("hammer-spammer", load=[1e9] + [1e-3] * 19, labels_per_example=8)

    assert (crowd.labels.labels_per_example == 8).all()
    assert crowd.labels.repeated == 0
    assert crowd.labels.labels_per_annotator[0] == 500


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_loads_are_kept_to(strategy):
    """Each strategy takes given loads (labels in proportion), exact loads, and a heavy tail; imbalance stays possible."""
    wanted = np.arange(1, 21)
    relative = drawn(strategy, load=wanted, labels_per_example=1, n_examples=5000).labels.labels_per_annotator
    exact = drawn(strategy, labels_per_annotator=wanted * 5).labels
    heavy = drawn(strategy, load="heavy-tailed", labels_per_example=1, n_examples=5000).labels.labels_per_annotator
    uneven = drawn(strategy, load="heavy-tailed", imbalance=True).labels.labels_per_example

    np.testing.assert_allclose(relative / 5000, wanted / wanted.sum(), atol=0.02)
    assert exact.labels_per_annotator.tolist() == (wanted * 5).tolist()
    assert exact.repeated == 0
    assert np.sort(heavy)[-4:].sum() > 0.45 * 5000
    assert set(uneven) == {1, 2, 3, 4, 5, 6}


def test_a_heavy_tail_is_like_real_crowds():
    """The logarithm of the loads spreads by 1.5, so that a tenth of the annotators gives about half of the labels."""
    crowd = simulate("hammer-spammer", n_examples=40_000, n_annotators=1000, labels_per_example=5, load="heavy-tailed", seed=2)
    load = np.sort(crowd.labels.labels_per_annotator)

    assert np.log(load[load > 0]).std() == pytest.approx(1.5, abs=0.1)
    assert 0.45 < load[-100:].sum() / load.sum() < 0.62


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"load": "uneven"}, "equal, heavy-tailed"),
        ({"load": [1, 2]}, "20 annotators"),
        ({"load": [0] + [1] * 19}, "above 0"),
        ({"load": [np.nan] + [1] * 19}, "above 0"),
        ({"load": "heavy-tailed", "labels_per_annotator": 3}, "leave out load"),
        ({"labels_per_annotator": [1, 2]}, "20 annotators"),
        ({"labels_per_annotator": [-1] + [1] * 19}, "0 or more"),
        ({"labels_per_annotator": [0] * 20}, "0 or more"),
        ({"labels_per_annotator": 2.5}, "whole number"),
        ({"labels_per_annotator": [501] + [1] * 19}, "only 500 examples"),
    ],
)
def test_impossible_loads_are_refused(options, words):
    """Loads that cannot be met are an error that says what is asked for."""
    with pytest.raises(ValueError, match=words):
        drawn("hammer-spammer", **options)


@pytest.mark.parametrize("to", list(WRITERS))
def test_a_simulated_crowd_goes_into_every_format(to, tmp_path):
    """What a writer makes of a simulated crowd is read back with the same labels of the same examples."""
    crowd = drawn("independent-confusion", n_examples=30, load="heavy-tailed")
    path = tmp_path / f"crowd.{WRITERS[to].ending}"
    path.write_bytes(WRITERS[to].write(Outgoing(crowd.labels)))

    found = read_labels(path)
    votes = {str(name): sorted(map(str, found.classes[found.label[found.example == i]])) for i, name in enumerate(found.examples)}
    expected = {
        str(name): sorted(map(str, crowd.labels.classes[crowd.labels.label[crowd.labels.example == i]]))
        for i, name in enumerate(crowd.labels.examples)
    }

    assert len(found) == len(crowd.labels)
    assert expected == votes


def test_profiles_go_from_the_best_to_the_worst():
    """Eight of many annotators, evenly over their ranking, with both ends; all where there are fewer."""
    accuracy = np.linspace(0, 1, 50)

    assert profiles(accuracy).tolist() == [49, 42, 35, 28, 21, 14, 7, 0]
    assert profiles([0.2, 0.9, 0.5]).tolist() == [1, 2, 0]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_option_is_explained(strategy):
    """The docstring of a strategy says what each of its options means."""
    assert set(option_words(strategy)) == set(strategy_options(strategy))
