"""Results as plotly figures.

Every function takes plain arrays, tables, labels or a consensus and `dark=`, and returns a styled `plotly.graph_objects.Figure`;
`alt(figure)` is its alternative text. Names from data are escaped, so that plotly shows them as they are.
"""

from .active_learning import learning_curves
from .annotators import agreement_matrix, annotator_ranking
from .budget import budget_curve
from .confusion import confused_classes, confusion_matrix
from .crowd import class_balance, labels_per_annotator, labels_per_example
from .examples import posterior_bars, quality_histogram, reliability, vote_bars
from .export import to_html, to_json
from .lab import accuracy_against_cost, accuracy_over_time, method_intervals
from .metrics import pairwise_metrics
from .runs import convergence, run_differences, unsure_counts
from .small_multiples import MOST_MATRICES, confusion_multiples
from .theme import CONFIG, alt, style
from .training import training_curves
from .versions import quality_over_versions

__all__ = [
    "CONFIG",
    "MOST_MATRICES",
    "accuracy_against_cost",
    "accuracy_over_time",
    "agreement_matrix",
    "alt",
    "annotator_ranking",
    "budget_curve",
    "class_balance",
    "confused_classes",
    "confusion_matrix",
    "confusion_multiples",
    "convergence",
    "labels_per_annotator",
    "labels_per_example",
    "learning_curves",
    "method_intervals",
    "pairwise_metrics",
    "posterior_bars",
    "quality_histogram",
    "quality_over_versions",
    "reliability",
    "run_differences",
    "style",
    "to_html",
    "to_json",
    "training_curves",
    "unsure_counts",
    "vote_bars",
]
