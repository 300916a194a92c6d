"""Figures: their content is asserted as data, never as a picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from multiannotator_core import figures
from multiannotator_core.consensus import build
from multiannotator_core.figures import theme, wording
from multiannotator_core.labels import CrowdLabels

EVIL = "<b>x</b> & <a href='http://example.org'>y</a>"
EVIL_SHOWN = "&lt;b&gt;x&lt;/b&gt; &amp; &lt;a href='http://example.org'&gt;y&lt;/a&gt;"


def crowd(n: int = 40, j: int = 6, classes: tuple[str, ...] = ("cat", "dog", EVIL), seed: int = 0) -> CrowdLabels:
    """A crowd of n examples, each labelled by three of j annotators."""
    rng = np.random.default_rng(seed)
    example = np.repeat(np.arange(n), 3)
    annotator = np.concatenate([rng.permutation(j)[:3] for _ in range(n)])
    frame = pd.DataFrame({"task": example, "worker": annotator, "label": rng.choice(classes, size=3 * n)})
    return CrowdLabels.from_long(frame, classes=list(classes))


def consensus(labels: CrowdLabels):
    """Majority vote, as far as a figure needs it."""
    return build(labels, labels.votes / labels.votes.sum(axis=1, keepdims=True))


def metrics(n: int = 5) -> pd.DataFrame:
    """A table of annotators, the names of which are markup."""
    quality = np.linspace(0.9, 0.1, n)
    return pd.DataFrame(
        {
            "quality": quality,
            "low": quality - 0.05,
            "high": quality + 0.05,
            "spammer_score": quality**2,
            "seconds": np.arange(n, dtype=float),
        },
        index=[f"{EVIL}{i}" for i in range(n)],
    )


def confusion(k: int) -> np.ndarray:
    """Rows sum to 1; class 0 is called class 1 most."""
    table = np.full((k, k), 0.1 / max(k - 1, 1))
    np.fill_diagonal(table, 0.9 if k > 1 else 1.0)
    if k > 1:
        table[0, 0], table[0, 1] = 0.4, table[0, 1] + 0.5
    return table


def kappas(names: list[str]) -> pd.DataFrame:
    """One row a pair; kappa grows with the names' positions."""
    rows = [(a, b, (i + j) / 20 - 0.2, 10) for i, a in enumerate(names) for j, b in enumerate(names) if i < j]
    return pd.DataFrame(rows, columns=["annotator_a", "annotator_b", "kappa", "n_shared"])


PAIRS = pd.DataFrame({"true": [EVIL, "cat"], "given": ["dog", EVIL], "rate": [0.1, 0.3], "n": [50, 40]})


def costs() -> pd.DataFrame:
    rows = [(EVIL, "now", 2.0, 200.0, 0.8, 0.7, 0.9, True), (EVIL, "more", 4.0, 400.0, 0.9, 0.85, 0.95, False)]
    return pd.DataFrame(rows, columns=["method", "title", "labels_each", "cost", "accuracy", "low", "high", "now"])


def means() -> pd.DataFrame:
    return pd.DataFrame({"title": ["DS", EVIL], "mean": [0.9, 0.8], "low": [0.85, 0.7], "high": [0.95, 0.85], "as_good": [True, False]})


def budget() -> pd.DataFrame:
    return pd.DataFrame({"labels": [0, 100, 200], "accuracy": [0.8, 0.9, 0.92], "low": [0.7, 0.8, 0.85], "high": [0.9, 0.95, 0.97]})


def rounds() -> pd.DataFrame:
    """Two methods of choosing, three rounds each."""
    lines = [(title, n, a) for title in ("ActiveLab", EVIL) for n, a in ((100, 0.7), (200, 0.8), (300, 0.85))]
    table = pd.DataFrame(lines, columns=["title", "n_labels", "consensus_accuracy"])
    return table.assign(
        consensus_accuracy_low=table["consensus_accuracy"] - 0.02, consensus_accuracy_high=table["consensus_accuracy"] + 0.02
    )


def epochs() -> pd.DataFrame:
    """Two networks, three epochs each."""
    lines = [(run, epoch, 1 / epoch, 0.5 + 0.1 * epoch) for run in (0, 1) for epoch in (1, 2, 3)]
    return pd.DataFrame(lines, columns=["run", "epoch", "loss", "validation_accuracy"])


def traced() -> pd.DataFrame:
    """Two methods after one and four iterations."""
    lines = [(title, i, 0.01 * i, 0.8 + 0.01 * i) for title in ("DS", EVIL) for i in (1, 4)]
    table = pd.DataFrame(lines, columns=["title", "iterations", "seconds", "accuracy"])
    return table.assign(low=table["accuracy"] - 0.01, high=table["accuracy"] + 0.01, n=5)


def versions() -> pd.DataFrame:
    """Two annotators in two files."""
    lines = [(annotator, version, 30, quality) for annotator in ("a", EVIL) for version, quality in (("first", 0.8), (EVIL, 0.7))]
    table = pd.DataFrame(lines, columns=["annotator", "version", "n_labels", "quality"])
    return table.assign(low=table["quality"] - 0.05, high=table["quality"] + 0.05)


# One call of every figure function, each with markup among its names.
FIGURES: dict[str, Callable[..., go.Figure]] = {
    "quality_histogram": lambda **k: figures.quality_histogram([0.2, 0.6, 0.9, 1.0], **k),
    "labels_per_example": lambda **k: figures.labels_per_example(crowd(), **k),
    "labels_per_annotator": lambda **k: figures.labels_per_annotator(crowd(), **k),
    "class_balance": lambda **k: figures.class_balance(crowd(), consensus(crowd()), **k),
    "vote_bars": lambda **k: figures.vote_bars([1, 2, 3], ["a", "b", EVIL], label=2, **k),
    "posterior_bars": lambda **k: figures.posterior_bars([0.1, 0.7, 0.2], ["a", "b", EVIL], label=1, model=[0.3, 0.3, 0.4], **k),
    "annotator_ranking": lambda **k: figures.annotator_ranking(metrics(), low="low", high="high", selected=f"{EVIL}2", **k),
    "confusion_matrix": lambda **k: figures.confusion_matrix(confusion(3), ["a", "b", EVIL], counts=confusion(3) * 40, **k),
    "pairwise_metrics": lambda **k: figures.pairwise_metrics(metrics()[["quality", "spammer_score"]], titles={"quality": EVIL}, **k),
    "convergence": lambda **k: figures.convergence([-10.0, -5.0, -4.9], **k),
    "unsure_counts": lambda **k: figures.unsure_counts({EVIL: np.linspace(0, 1, 20), "DS": np.ones(20)}, **k),
    "run_differences": lambda **k: figures.run_differences({EVIL: [0, 1, 1], "DS": [0, 1, 0], "MV": [1, 0, 0]}, **k),
    "confused_classes": lambda **k: figures.confused_classes(PAIRS, **k),
    "agreement_matrix": lambda **k: figures.agreement_matrix(kappas([EVIL, "b", "c"]), clicks=True, **k),
    "confusion_multiples": lambda **k: figures.confusion_multiples(
        [confusion(3)] * 5, [EVIL, *"bcde"], ["a", "b", EVIL], notes=[EVIL] * 5, **k
    ),
    "reliability": lambda **k: figures.reliability([0.2, 0.9, 0.95, 1.0], [False, True, True, False], **k),
    "accuracy_against_cost": lambda **k: figures.accuracy_against_cost(costs(), **k),
    "method_intervals": lambda **k: figures.method_intervals(means(), **k),
    "budget_curve": lambda **k: figures.budget_curve(budget(), 100, **k),
    "learning_curves": lambda **k: figures.learning_curves(rounds(), **k),
    "training_curves": lambda **k: figures.training_curves(epochs(), **k),
    "accuracy_over_time": lambda **k: figures.accuracy_over_time(traced(), **k),
    "quality_over_versions": lambda **k: figures.quality_over_versions(versions(), ["first", EVIL], [EVIL], **k),
}
every_figure = pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)


def texts(value: object) -> list[str]:
    """All text in a figure that plotly would render: everything but customdata (for clicks), the alt text and the template."""
    if isinstance(value, dict):
        return [text for name, part in value.items() if name not in ("customdata", "template", "alt") for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


def svg_points(figure: go.Figure) -> int:
    """Marks that become elements of the page."""
    return sum(len(trace.x) for trace in figure.data if trace.type in ("scatter", "bar"))


def test_every_figure_function_is_in_this_file() -> None:
    """A new figure cannot be forgotten by the tests that run over all figures."""
    other = {"CONFIG", "MOST_MATRICES", "alt", "style", "to_html", "to_json"}

    assert set(figures.__all__) - other == set(FIGURES)


class TestEveryFigure:
    """Promises of all figures."""

    @every_figure
    def test_has_an_alternative_text_with_numbers(self, make: Callable[..., go.Figure]) -> None:
        """Who cannot see the figure gets its takeaway: a sentence with a number in it, in the names as they are."""
        text = figures.alt(make())

        assert text.endswith(".")
        assert any(character.isdigit() for character in text)
        assert "&lt;" not in text

    @every_figure
    def test_markup_in_names_is_shown_and_not_obeyed(self, make: Callable[..., go.Figure]) -> None:
        """No tag from data reaches plotly, which would draw `<b>` in bold and `<a>` as a link."""
        shown = " ".join(texts(json.loads(figures.to_json(make()))))

        for tag in ("<b", "<a", "</"):
            assert tag not in shown.replace("<br>", "").replace("<extra></extra>", "").replace("</span>", "")

    @every_figure
    def test_names_never_become_part_of_a_template(self, make: Callable[..., go.Figure]) -> None:
        """Hover templates are constants: a name such as `%{x}` must not be read as a field."""
        for trace in make().data:
            assert "&lt;" not in (trace.hovertemplate or "")

    @every_figure
    def test_themes_differ_only_in_ink(self, make: Callable[..., go.Figure]) -> None:
        """Dark and light figures say the same; after a switch of theme nothing moves."""
        light, dark = make(), make(dark=True)

        assert light.layout.template != dark.layout.template
        assert (light.layout.height, figures.alt(light)) == (dark.layout.height, figures.alt(dark))
        assert [trace.type for trace in light.data] == [trace.type for trace in dark.data]

    @every_figure
    def test_same_input_gives_the_same_figure(self, make: Callable[..., go.Figure]) -> None:
        """Two calls give the same JSON, colours included: Streamlit keeps a selection only while the figure is the same."""
        assert figures.to_json(make()) == figures.to_json(make())

    @every_figure
    def test_page_background_shows_through_and_nothing_zooms(self, make: Callable[..., go.Figure]) -> None:
        """A figure lies on its card without a box of its own, and a wheel over it scrolls the page."""
        figure = make()

        assert figure.layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert figure.layout.template.layout.xaxis.fixedrange
        assert figure.layout.height >= 40


def test_inputs_are_not_changed() -> None:
    """Arrays and tables that are drawn stay as they were."""
    table, values, counts = metrics(), np.array([0.1, 0.7, 0.2]), confusion(3) * 10
    before = table.copy(), values.copy(), counts.copy()

    figures.annotator_ranking(table, low="low", high="high", selected=table.index[1])
    figures.pairwise_metrics(table)
    figures.posterior_bars(values, ["a", "b", "c"], label=1, model=values)
    figures.confusion_matrix(confusion(3), ["a", "b", "c"], counts=counts)
    figures.quality_histogram(values)

    pd.testing.assert_frame_equal(before[0], table)
    np.testing.assert_array_equal(before[1], values)
    np.testing.assert_array_equal(before[2], counts)


class TestWording:
    """Names and numbers."""

    def test_escape_is_read_back_by_plotly_as_written(self) -> None:
        """Also what looks escaped already is shown as it is."""
        assert wording.escape("&lt;i> a\n b") == "&amp;lt;i&gt; a b"

    def test_long_names_lose_their_middle(self) -> None:
        """Both ends tell names apart, and the result is never longer than asked."""
        name = wording.cut("annotator-with-a-long-name-0001")

        assert name == "annotator-wi…g-name-0001"
        assert len(name) == wording.LONGEST
        assert wording.cut("short") == "short"

    def test_cutting_comes_before_escaping(self) -> None:
        """An entity is never cut into halves that would be read as text."""
        assert wording.short("<" * 30, 5) == "&lt;&lt;…&lt;&lt;"

    def test_names_equal_after_cutting_keep_their_places(self) -> None:
        """Two long names that look alike stay two rows."""
        names = [f"a{'b' * 30}{i}{'c' * 30}" for i in range(2)]
        figure = figures.annotator_ranking(pd.DataFrame({"quality": [0.1, 0.2]}, index=names))

        assert list(figure.data[0].y) == [0, 1]
        assert [str(name) for name in figure.data[0].customdata] == names
        assert all(name in shown for name, shown in zip(names, figure.data[0].hovertext, strict=True))

    @pytest.mark.parametrize(
        ("low", "high", "about", "expected"),
        [
            (0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]),
            (0, 1044, 4, [0, 200, 400, 600, 800, 1000]),
            (-0.3, 0.9, 5, [-0.2, 0, 0.2, 0.4, 0.6, 0.8]),
            (3, 3, 4, [3]),
        ],
    )
    def test_ticks_are_round_numbers_within_the_limits(self, low: float, high: float, about: int, expected: list[float]) -> None:
        """Axes carry numbers that people read at a glance."""
        assert wording.ticks(low, high, about) == expected

    def test_counts_get_whole_ticks(self) -> None:
        """There is no half example."""
        assert wording.ticks(0, 1, whole=True) == [0, 1]

    def test_small_shares_are_not_rounded_to_nothing(self) -> None:
        """A class that occurs is never "0%"."""
        assert (wording.percent(0.0001), wording.percent(0.0), wording.percent(0.256)) == ("<1%", "0%", "26%")

    def test_minus_zero_is_zero(self) -> None:
        """A correlation that rounds to zero has no sign."""
        assert (wording.signed(-0.001, 2), wording.signed(-1234.5, 0)) == ("0.00", "−1,234")


class TestColours:
    """One meaning, one colour."""

    def test_a_class_has_the_same_colour_whatever_is_shown(self) -> None:
        """Colours go by class code, in every figure and on both pages."""
        expected = list(theme.CLASSES[:3])

        for figure in (figures.class_balance(crowd(seed=1)), figures.class_balance(crowd(seed=2), dark=True)):
            assert expected == list(figure.data[0].marker.color)

    def test_more_than_eight_classes_get_no_class_colours(self) -> None:
        """The ninth colour could not be told from the others."""
        figure = figures.class_balance(crowd(classes=tuple("abcdefghi")))

        assert set(figure.data[0].marker.color) == {theme.INK}

    @pytest.mark.parametrize(
        ("verdict", "colour", "symbol"),
        [
            ("trustworthy", theme.GOOD, "circle"),
            ("ordinary", theme.QUIET, "circle-open"),
            ("mixes up 4 and 9", theme.UNSURE, "diamond"),
            ("answers at random", theme.BAD, "x"),
            ("always says 1", theme.BAD, "x"),
            ("not enough data", theme.SCARCE, "square-open"),
            ("a verdict of next year", theme.QUIET, "circle-open"),
        ],
    )
    def test_verdicts_have_a_colour_and_a_symbol(self, verdict: str, colour: str, symbol: str) -> None:
        """No verdict is told by hue alone."""
        table = pd.DataFrame({"quality": [0.5], "verdict": [verdict]}, index=["A"])
        marker = figures.annotator_ranking(table, verdict="verdict").data[0].marker

        assert (colour, symbol) == (marker.color, marker.symbol)


class TestQualityHistogram:
    """How sure are we of each label?"""

    def test_counts_and_colours_follow_the_line(self) -> None:
        """Below 0.5 is bad, up to the line unsure, above it quiet; a value on an edge belongs to the upper side."""
        bars = figures.quality_histogram([0.3, 0.5, 0.5, 0.69, 0.7, 1.0, 1.0, 1.0], line=0.7).data[0]

        assert list(bars.y) == [1, 2, 1, 1, 3]
        assert list(bars.marker.color) == [theme.BAD, theme.UNSURE, theme.UNSURE, theme.QUIET, theme.QUIET]

    def test_no_bar_lies_on_both_sides_of_the_line(self) -> None:
        """Also for a line that is no multiple of the bin width."""
        bars = figures.quality_histogram(np.linspace(0, 1, 5000), line=0.733).data[0]
        left, right = np.array(bars.x) - np.array(bars.width) / 2, np.array(bars.x) + np.array(bars.width) / 2

        assert not ((left < 0.733) & (right > 0.733)).any()
        assert np.array(bars.y).sum() == 5000

    @pytest.mark.parametrize("values", [[1.0], [0.0], [1.0] * 50, [0.7]])
    def test_one_value_is_one_bar(self, values: list[float]) -> None:
        """All equal, or a single example."""
        figure = figures.quality_histogram(values)

        assert [len(values)] == list(figure.data[0].y)
        assert figure.layout.xaxis.range[0] <= values[0] <= figure.layout.xaxis.range[1]

    def test_a_million_values_are_a_few_bars(self) -> None:
        """The browser gets bins, and no example is lost."""
        figure = figures.quality_histogram(np.random.default_rng(0).random(1_000_000))

        assert svg_points(figure) <= 41
        assert sum(figure.data[0].y) == 1_000_000

    def test_alt_counts_what_is_to_be_reviewed(self) -> None:
        """The number of the page's caption, again."""
        assert figures.alt(figures.quality_histogram([0.3, 0.6, 0.9])).startswith("2 of 3 examples have a quality below 0.7")


class TestCrowdFigures:
    """Labels of examples, by annotators, of classes."""

    def test_histograms_count_every_example_and_annotator(self) -> None:
        """Bars add up to N and J."""
        labels = crowd(n=40, j=6)

        assert list(figures.labels_per_example(labels).data[0].y) == [40]
        assert sum(figures.labels_per_annotator(labels).data[0].y) == 6

    @pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 5), (3, 32), (1, 31), (7, 1393), (1, 1_000_000)])
    def test_bins_cover_all_values_in_equal_whole_steps(self, low: int, high: int) -> None:
        """No count falls outside, and no bin is half a label wide."""
        from multiannotator_core.figures.crowd import whole_bins

        edges = whole_bins(low, high, 30)

        assert edges[0] <= low
        assert edges[-1] > high
        assert len(set(np.diff(edges))) == 1
        assert len(edges) <= 32

    def test_class_balance_shows_shares_of_labels_and_of_the_consensus(self) -> None:
        """Bars are labels, dots are consensus labels; each adds up to 1."""
        labels = crowd()
        result = consensus(labels)
        bars, dots = figures.class_balance(labels, result).data[:2]

        np.testing.assert_allclose(labels.labels_per_class / len(labels), bars.x)
        np.testing.assert_allclose(np.bincount(result.label, minlength=3) / 40, dots.x)

    def test_many_classes_show_the_largest_and_name_the_rest(self) -> None:
        """Above 30 classes the others are counted in a note and named in the alternative text."""
        names = tuple(f"c{i:02d}" for i in range(40))
        frame = pd.DataFrame({"task": range(70), "worker": 0, "label": [*names[:30], *names]})
        figure = figures.class_balance(CrowdLabels.from_long(frame))

        assert len(figure.data[0].x) == 30
        assert "Not shown: 10 classes with 14% of the labels." in figure.layout.title.text
        assert "c30" in figures.alt(figure)

    def test_one_annotator_and_one_class(self) -> None:
        """The smallest crowd draws."""
        labels = CrowdLabels.from_long(pd.DataFrame({"task": [1], "worker": ["A"], "label": [7]}))

        assert list(figures.labels_per_annotator(labels).data[0].y) == [1]
        assert list(figures.class_balance(labels, consensus(labels)).data[0].x) == [1.0]


class TestOneExample:
    """Bars of a single example."""

    def test_votes_are_shown_in_order_with_the_consensus_in_blue(self) -> None:
        """Classes without a label take no room on a card."""
        bars = figures.vote_bars([1, 0, 3, 0], list("abcd"), label=2).data[0]

        assert list(bars.x) == [3, 1]
        assert list(bars.text) == ["3", "1"]
        assert list(bars.marker.color) == [theme.INK, theme.QUIET]

    def test_an_example_without_labels_says_so(self) -> None:
        """A card is never an empty frame."""
        assert figures.alt(figures.vote_bars([0, 0], ["a", "b"])) == "No labels"

    def test_posterior_keeps_class_order_and_shows_the_model(self) -> None:
        """Ten digits stay in their order; the model is a second mark on the same rows."""
        bars, model, numbers = figures.posterior_bars([0.1, 0.88, 0.02], [0, 1, 2], label=1, model=[0.2, 0.2, 0.6]).data

        assert list(bars.x) == [0.1, 0.88, 0.02]
        assert list(bars.marker.color) == [theme.QUIET, theme.INK, theme.QUIET]
        assert (list(model.x), model.marker.symbol) == ([0.2, 0.2, 0.6], "diamond")
        assert list(numbers.text) == ["0.10", "0.88"]

    def test_above_twelve_classes_the_most_probable_are_shown(self) -> None:
        """The consensus class is always among them, on top."""
        posterior = np.random.default_rng(3).dirichlet(np.ones(40))
        figure = figures.posterior_bars(posterior, range(40), label=int(posterior.argmax()))

        np.testing.assert_allclose(np.sort(posterior)[::-1][:12], figure.data[0].x)
        assert figure.data[0].marker.color[0] == theme.INK

    def test_a_single_class(self) -> None:
        """There is no runner-up to name."""
        assert figures.alt(figures.posterior_bars([1.0], ["only"], label=0)) == "only at 1.00."

    def test_numeric_class_names_stand_in_their_row(self) -> None:
        """Classes "10" and "2" are rows 0 and 1, not numbers on a scale."""
        figure = figures.posterior_bars([0.4, 0.6], ["10", "2"], label=1)

        assert list(figure.layout.yaxis.ticktext) == ["10", "2"]
        assert list(figure.data[0].y) == [0, 1]


class TestReliability:
    """Do the claims hold?"""

    def test_bins_and_calibration_error_are_those_of_a_slow_twin(self) -> None:
        """Mean claim and share right of each of 15 bins; the error is weighted by their sizes."""
        rng = np.random.default_rng(5)
        quality = np.append(rng.random(300), [0.0, 1.0])
        right = rng.random(302) < quality**2
        bins: dict[int, list[int]] = {}
        for at, value in enumerate(quality):
            bins.setdefault(min(int(value * 15), 14), []).append(at)
        points = [(quality[rows].mean(), right[rows].mean()) for _, rows in sorted(bins.items())]
        error = sum(len(rows) * abs(right[rows].mean() - quality[rows].mean()) for rows in bins.values()) / 302

        figure = figures.reliability(quality, right)

        np.testing.assert_allclose(points, np.column_stack([figure.data[0].x, figure.data[0].y]))
        assert f"{error:.3f}" in figures.alt(figure)

    def test_lengths_must_match(self) -> None:
        """The message names both."""
        with pytest.raises(ValueError, match="2 values of quality and 1 of right"):
            figures.reliability([0.1, 0.2], [True])


class TestRanking:
    """Whom can we trust?"""

    def test_worst_comes_first_with_its_interval(self) -> None:
        """Rows go from the lowest value down the page; error bars are the distances to the interval's ends."""
        trace = figures.annotator_ranking(metrics(), low="low", high="high").data[0]

        np.testing.assert_allclose([0.1, 0.3, 0.5, 0.7, 0.9], trace.x)
        assert list(range(5)) == list(trace.y)
        np.testing.assert_allclose(0.05, trace.error_x.array)
        np.testing.assert_allclose(0.05, trace.error_x.arrayminus)
        assert [f"{EVIL}{i}" for i in (4, 3, 2, 1, 0)] == list(trace.customdata)

    def test_the_selected_row_is_shaded_where_it_stands(self) -> None:
        """Without verdicts it is also the blue one."""
        figure = figures.annotator_ranking(metrics(), selected=f"{EVIL}0")

        assert [(shape.y0, shape.y1) for shape in figure.layout.shapes] == [(3.5, 4.5)]
        assert {trace.marker.color: list(trace.y) for trace in figure.data} == {theme.INK: [4], theme.QUIET: [0, 1, 2, 3]}

    def test_a_selected_annotator_on_another_page_is_no_error(self) -> None:
        """The page of the ranking that is shown need not hold the selection."""
        assert not figures.annotator_ranking(metrics(), selected="somebody").layout.shapes

    def test_sixty_rows_at_most(self) -> None:
        """More are counted in a note; a row keeps its 18 pixels."""
        figure = figures.annotator_ranking(metrics(200))

        assert len(figure.data[0].x) == 60
        assert figure.layout.title.text == "the lowest 60 of 200 annotators"

    def test_unknown_values_come_last_without_a_mark(self) -> None:
        """NaN is a row without a point, and is not called the best."""
        table = pd.DataFrame({"quality": [np.nan, 0.5, 0.4], "low": np.nan, "high": np.nan}, index=["n", "b", "a"])
        figure = figures.annotator_ranking(table, low="low", high="high")

        assert list(figure.layout.yaxis.ticktext) == ["a", "b", "n"]
        assert "b has the highest, 0.50" in figures.alt(figure)

    def test_all_values_unknown_and_no_rows(self) -> None:
        """Both are said in words."""
        nothing = pd.DataFrame({"quality": [np.nan]}, index=["a"])

        assert figures.alt(figures.annotator_ranking(nothing)) == "The quality of none of 1 annotators is known."
        assert figures.alt(figures.annotator_ranking(metrics().iloc[:0])) == "There are no annotators to rank."

    def test_a_scale_holds_values_beyond_0_and_1(self) -> None:
        """Counts and kappas have scales of their own; shares always show 0 to 1."""
        table = pd.DataFrame({"n": [5.0, 900.0], "share": [0.4, 0.5]}, index=["a", "b"])

        assert figures.annotator_ranking(table, column="n").layout.xaxis.range[1] > 900
        assert figures.annotator_ranking(table, column="share").layout.xaxis.range == (-0.02, 1.02)

    def test_unknown_column_is_named(self) -> None:
        """With the columns that there are."""
        with pytest.raises(ValueError, match="no column 'skill'; the table has quality"):
            figures.annotator_ranking(metrics(), column="skill")


class TestConfusion:
    """What do they say for each class?"""

    def test_right_and_wrong_cells_have_their_own_scale(self) -> None:
        """The diagonal is blue up to 1, the rest red up to 0.6; each cell is in exactly one of them."""
        rates = confusion(3)
        right, wrong = figures.confusion_matrix(rates, list("abc")).data[:2]

        np.testing.assert_allclose(np.where(np.eye(3, dtype=bool), rates, np.nan), np.array(right.z, dtype=float))
        np.testing.assert_allclose(np.where(np.eye(3, dtype=bool), np.nan, rates), np.array(wrong.z, dtype=float))
        assert (right.zmax, wrong.zmax) == (1, 0.6)

    def test_rates_below_five_percent_are_blank(self) -> None:
        """Row by row: what is written, and where."""
        text = figures.confusion_matrix([[0.97, 0.03], [0.4, 0.6]], ["a", "b"]).data[2]

        assert list(zip(text.text, text.x, text.y, strict=True)) == [("97", 0, 0), ("40", 0, 1), ("60", 1, 1)]

    def test_counts_are_written_on_request(self) -> None:
        """Colours stay those of the rates."""
        figure = figures.confusion_matrix([[0.5, 0.5], [0, 1]], ["a", "b"], counts=[[2000, 2000], [0, 3]], show="counts")

        assert list(figure.data[2].text) == ["2k", "2k", "3"]
        assert figure.data[0].z[0][0] == 0.5
        assert "2,000 of 4,000 labels" in figure.data[0].hovertext[0][0]

    def test_ink_follows_the_depth_of_a_cell(self) -> None:
        """Black on pale and white on deep cells of the light page; white everywhere on the dark one."""
        light = figures.confusion_matrix([[1, 0], [0.4, 0.6]], ["a", "b"]).data[2]
        dark = figures.confusion_matrix([[1, 0], [0.4, 0.6]], ["a", "b"], dark=True).data[2]

        assert list(light.textfont.color) == [theme.WHITE, theme.BLACK, theme.BLACK]
        assert {theme.WHITE} == set(dark.textfont.color)

    def test_a_class_without_labels_stays_blank(self) -> None:
        """A row of NaN is neither zero nor an error."""
        figure = figures.confusion_matrix([[np.nan, np.nan], [0.2, 0.8]], ["a", "b"])

        assert list(figure.data[2].text) == ["20", "80"]
        assert figures.alt(figure).startswith("80% right on average over 1 class; worst mix-up: b called a in 20%")

    def test_above_fifty_classes_the_worst_fifty_are_shown(self) -> None:
        """Those with errors come in, in class order, and a note says how many there are."""
        rates = np.eye(70)
        rates[65, 65], rates[65, 3] = 0.5, 0.5
        figure = figures.confusion_matrix(rates, [f"c{i}" for i in range(70)])

        assert len(figure.data[0].z) == 50
        assert {"c3", "c65"} <= set(figure.layout.yaxis.ticktext)
        assert figure.layout.title.text == "the 50 of 70 classes that are mixed up most"
        assert "c65 called c3 in 50%" in figures.alt(figure)

    def test_one_class(self) -> None:
        """There is nothing to mix up."""
        assert figures.alt(figures.confusion_matrix([[1.0]], ["a"])) == "100% right on average over 1 class."

    @pytest.mark.parametrize("show", ["counts", "share"])
    def test_what_cannot_be_shown_is_refused(self, show: str) -> None:
        """Both messages name `show` and the mend."""
        with pytest.raises(ValueError, match=r"show='\w+' (needs the counts; pass them|is not known; choose)"):
            figures.confusion_matrix(confusion(2), ["a", "b"], show=show)

    def test_confused_classes_are_sorted_with_their_n(self) -> None:
        """Worst first, whatever the order of the table; a click gives both names as they are."""
        figure = figures.confused_classes(PAIRS)

        assert list(figure.data[0].text) == ["30.0% of 40", "10.0% of 50"]
        assert list(figure.data[0].customdata[0]) == ["cat", EVIL]
        assert figures.alt(figures.confused_classes(PAIRS.iloc[:0])) == "No classes are mixed up."


class TestPairwiseMetrics:
    """Every metric against every other."""

    def test_points_below_bars_on_and_correlation_above_the_diagonal(self) -> None:
        """Six traces for three metrics and nobody selected: three histograms, three scatters; three numbers above."""
        table = metrics()[["quality", "spammer_score", "seconds"]]
        figure = figures.pairwise_metrics(table)
        drawn = [trace for trace in figure.data if len(trace.x)]

        assert sorted(trace.type for trace in drawn) == ["bar"] * 3 + ["scatter"] * 3
        assert [note.text for note in figure.layout.annotations[:3]] == ["1.00", "−1.00", "−1.00"]

    def test_a_point_names_its_row_on_click_and_on_hover(self) -> None:
        """customdata is the index as it is, text the name to read, escaped."""
        trace = next(t for t in figures.pairwise_metrics(metrics()[["quality", "seconds"]]).data if t.type == "scatter")

        assert [f"{EVIL}{i}" for i in range(5)] == list(trace.customdata)
        assert [f"{EVIL_SHOWN}{i}" for i in range(5)] == list(trace.text)

    def test_names_stand_in_for_the_index_on_hover_only(self) -> None:
        """With pseudonyms on, a click still finds the annotator."""
        trace = next(
            t for t in figures.pairwise_metrics(metrics()[["quality", "seconds"]], names=list("abcde")).data if t.type == "scatter"
        )

        assert (list("abcde"), f"{EVIL}0") == (list(trace.text), trace.customdata[0])

    def test_the_selected_row_is_drawn_once_in_blue(self) -> None:
        """It leaves the grey points."""
        quiet, chosen = [
            t for t in figures.pairwise_metrics(metrics()[["quality", "seconds"]], selected=f"{EVIL}3").data if t.type == "scatter"
        ]

        assert (len(quiet.x), list(chosen.x)) == (4, [pytest.approx(0.3)])
        assert chosen.marker.color == theme.INK

    def test_correlation_is_spearmans(self) -> None:
        """Compared with scipy, with ties and missing values left out pair by pair."""
        from scipy.stats import spearmanr

        from multiannotator_core.figures.metrics import _correlations

        rng = np.random.default_rng(2)
        values = rng.integers(0, 9, size=(60, 3)).astype(float)
        values[:7, 0] = np.nan
        values[5:12, 2] = np.nan
        found, _ = _correlations(values)

        for i, j in ((0, 1), (0, 2), (1, 2)):
            both = ~np.isnan(values[:, [i, j]]).any(axis=1)
            assert found[i, j] == pytest.approx(spearmanr(values[both, i], values[both, j]).statistic)

    def test_missing_values_leave_pairwise_and_are_counted(self) -> None:
        """The cell above says how many rows it stands on."""
        table = metrics()[["quality", "seconds"]].copy()
        table.iloc[0, 0] = np.nan
        figure = figures.pairwise_metrics(table)

        assert "n = 4" in figure.layout.annotations[0].text
        assert [len(trace.x) for trace in figure.data if trace.type == "scatter"] == [4, 0]

    @pytest.mark.parametrize(
        "table",
        [
            pd.DataFrame({"a": [1.0, 1.0], "b": [1.0, 2.0]}),
            pd.DataFrame({"a": [np.nan, np.nan], "b": [1.0, 2.0]}),
            pd.DataFrame({"a": [1.0], "b": [2.0]}),
            pd.DataFrame({"a": [np.inf, 1.0, 2.0], "b": [1.0, 2.0, np.nan]}),
        ],
        ids=["constant", "unknown", "one row", "infinite"],
    )
    def test_no_correlation_is_a_dash(self, table: pd.DataFrame) -> None:
        """Where a rank correlation is not defined none is invented, and the figure is drawn."""
        figure = figures.pairwise_metrics(table)

        assert figure.layout.annotations[0].text.startswith("–")

    @pytest.mark.parametrize("n", [1_648, 1_649])
    def test_never_more_than_five_thousand_points(self, n: int) -> None:
        """Three metrics: 1,648 rows are points, one more becomes counts in cells, and the figure says so."""
        table = pd.DataFrame(np.random.default_rng(0).normal(size=(n, 3)), columns=list("abc"))
        figure = figures.pairwise_metrics(table, selected=5)
        points = sum(len(trace.x) for trace in figure.data if trace.type == "scatter")

        assert points == (3 * 1_648 if n == 1_648 else 3)
        assert svg_points(figure) <= theme.MOST_POINTS
        assert ("darker cells" in (figure.layout.title.text or "")) == (n == 1_649)

    def test_binned_cells_count_every_row(self) -> None:
        """The hover text of all cells adds up to the rows."""
        table = pd.DataFrame(np.random.default_rng(0).normal(size=(6_000, 2)), columns=list("ab"))
        cells = next(trace for trace in figures.pairwise_metrics(table).data if trace.type == "heatmap")

        assert sum(int(text.split(" of ")[0].replace(",", "")) for line in cells.hovertext for text in line) == 6_000

    def test_one_metric_and_none(self) -> None:
        """One is a histogram; none is said in words."""
        one = figures.pairwise_metrics(metrics()[["quality"]])

        assert [trace.type for trace in one.data] == ["bar"]
        assert figures.alt(figures.pairwise_metrics(pd.DataFrame())) == "There are no metrics to compare."

    def test_text_columns_are_refused(self) -> None:
        """The column is named."""
        with pytest.raises(ValueError, match="Column 'verdict' is not numeric"):
            figures.pairwise_metrics(pd.DataFrame({"verdict": ["ordinary"]}))

    def test_at_most_six_metrics(self) -> None:
        """The first six; a seventh would leave no room."""
        figure = figures.pairwise_metrics(pd.DataFrame(np.random.default_rng(0).normal(size=(9, 8))))

        assert sum(trace.type == "bar" for trace in figure.data) == 6


class TestAgreement:
    """Do the annotators agree?"""

    def test_annotators_are_ordered_by_mean_kappa(self) -> None:
        """The one who agrees least is first; the table is symmetric with a blank diagonal."""
        figure = figures.agreement_matrix(kappas(["c", "b", "a"]))
        z = np.array(figure.data[0].z, dtype=float)

        assert list(figure.layout.yaxis.ticktext) == ["c", "b", "a"]
        np.testing.assert_array_equal(z, z.T)
        assert np.isnan(np.diag(z)).all()
        assert (figure.data[0].zmin, figure.data[0].zmid, figure.data[0].zmax) == (-1, 0, 1)

    def test_pairs_with_few_shared_examples_are_blank(self) -> None:
        """A kappa of four examples is noise."""
        frame = kappas(["a", "b", "c"])
        frame.loc[0, "n_shared"] = 4
        z = np.array(figures.agreement_matrix(frame).data[0].z, dtype=float)

        assert np.isfinite(z).sum() == 4
        assert figures.alt(figures.agreement_matrix(frame.assign(n_shared=4))) == "No two annotators share 5 examples."

    def test_sixty_annotators_at_most(self) -> None:
        """Those who share most stay, and a note says so."""
        frame = kappas([f"a{i}" for i in range(70)])
        frame.loc[(frame["annotator_a"] == "a3") | (frame["annotator_b"] == "a3"), "n_shared"] = 5
        figure = figures.agreement_matrix(frame)

        assert len(figure.data[0].z) == 60
        assert "a3" not in figure.layout.yaxis.ticktext
        assert figure.layout.title.text == "the 60 of 70 annotators who share most"


class TestRuns:
    """Runs of methods, side by side."""

    def test_trace_is_drawn_from_iteration_one(self) -> None:
        """The last value is written beside its point."""
        line, last = figures.convergence([-13000.0, -12100.0, -12003.4]).data

        assert (list(line.x), list(line.y)) == ([1, 2, 3], [-13000.0, -12100.0, -12003.4])
        assert list(last.text) == ["−12,003"]

    @pytest.mark.parametrize("trace", [[3.0], [2.0, 2.0], [np.nan, 1.0], [5.0, 4.0]])
    def test_short_flat_and_broken_traces_draw(self, trace: list[float]) -> None:
        """One iteration, no change, a first value that is not a number, a falling objective."""
        figure = figures.convergence(trace)
        low, high = figure.layout.yaxis.range

        assert low < high
        assert "The objective goes from" in figures.alt(figure)

    def test_no_iterations_is_said(self) -> None:
        """Majority vote has no trace."""
        assert figures.alt(figures.convergence(())) == "This method has no iterations."

    def test_long_traces_are_thinned_with_both_ends_kept(self) -> None:
        """The number of points is bounded."""
        figure = figures.convergence(np.linspace(0, 1, 50_000))

        assert svg_points(figure) <= theme.MOST_POINTS
        assert (figure.data[0].x[0], figure.data[0].x[-1]) == (1, 50_000)

    def test_unsure_counts_split_at_both_limits(self) -> None:
        """A value on a limit is on its better side."""
        bad, unsure, total = figures.unsure_counts({"DS": [0.5, 0.7, 0.8, 0.9, 1.0], "MV": [0.1, 0.2, 0.3, 0.4, 1.0]}).data

        assert (list(bad.x), list(unsure.x)) == ([1, 4], [2, 0])
        assert [text.strip() for text in total.text] == ["3", "4"]

    def test_no_runs_and_nothing_unsure(self) -> None:
        """Neither divides by nothing."""
        assert figures.alt(figures.unsure_counts({})) == "There are no runs yet."
        assert list(figures.unsure_counts({"DS": np.ones(3)}).data[0].x) == [0]

    def test_differences_are_a_lower_triangle(self) -> None:
        """Rows are all runs but the first, columns all but the last; a cell is the share of examples that differ."""
        figure = figures.run_differences({"A": [0, 1, 1, 1], "B": [0, 1, 1, 0], "C": [1, 0, 0, 0]})

        np.testing.assert_array_equal([[0.25, np.nan], [1.0, 0.75]], np.array(figure.data[0].z, dtype=float))
        assert (list(figure.layout.yaxis.ticktext), list(figure.layout.xaxis.ticktext)) == (["B", "C"], ["A", "B"])
        assert list(figure.data[1].text) == ["25.0", "100.0", "75.0"]

    def test_titles_break_at_spaces_and_hyphens(self) -> None:
        """Names stay upright in narrow cells."""
        assert wording.broken("Weighted Dawid-Skene") == "Weighted<br>Dawid-Skene"
        assert wording.broken("Majority vote", 10) == "Majority<br>vote"

    def test_one_run_has_nothing_to_compare(self) -> None:
        """It says what to do."""
        assert figures.alt(figures.run_differences({"A": [0, 1]})) == "Run a second method to compare."

    def test_runs_of_different_datasets_are_refused(self) -> None:
        """The message names the runs and their sizes."""
        with pytest.raises(ValueError, match=r"A 2, B 3\); compare runs of the same dataset"):
            figures.run_differences({"A": [0, 1], "B": [0, 1, 1]})


class _Page(HTMLParser):
    """What a browser would load from elsewhere, and the headings."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.scripts = 0
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.scripts += tag == "script"
        self.loads += [value for name, value in attrs if name in ("src", "href") and value]


class TestExport:
    """Figures to take away."""

    def test_page_is_self_contained(self) -> None:
        """plotly.js is inside once, nothing is loaded from elsewhere, and the page forbids it."""
        html = figures.to_html({name: make() for name, make in FIGURES.items()})
        page = _Page()
        page.feed(html)

        assert page.loads == []
        assert html.count("plotly.js v") == 1
        assert "default-src 'none'" in html
        assert page.tags.count("figure") == len(FIGURES)

    def test_titles_and_names_cannot_close_the_script(self) -> None:
        """Markup in titles and data stays text."""
        evil = "</script><img src=x>"
        html = figures.to_html({evil: figures.posterior_bars([0.5, 0.5], [evil, "b"], label=0)})
        page = _Page()
        page.feed(html)

        assert "img" not in page.tags
        assert "&lt;/script&gt;&lt;img src=x&gt;</h2>" in html

    def test_page_is_light_and_white_and_the_figure_unchanged(self) -> None:
        """Paper is white on paper; the page's own figure keeps its background."""
        figure = figures.convergence([1.0, 2.0], dark=True)
        before = figures.to_json(figure)
        html = figures.to_html({"a": figure})

        assert '"paper_bgcolor":"#FFFFFF"' in html
        assert before == figures.to_json(figure)

    def test_json_is_read_back_as_the_same_figure(self) -> None:
        """With its alternative text."""
        figure = figures.quality_histogram([0.2, 0.9])
        again = go.Figure(json.loads(figures.to_json(figure)))

        assert figures.alt(again) == figures.alt(figure)
        assert list(again.data[0].y) == list(figure.data[0].y)

    def test_json_has_numbers_that_people_can_read(self) -> None:
        """Tables too: no packed bytes, and an empty cell is null."""
        figure = figures.confusion_matrix([[0.75, 0.25], [0.0, 1.0]], ["a", "b"])

        assert json.loads(figures.to_json(figure))["data"][0]["z"] == [[0.75, None], [None, 1.0]]
