"""A model for those who bring none: features, out-of-sample probabilities, and the loop with the consensus."""

from .crossval import CLASSIFIERS, cross_validated, predicted
from .features import Features, feature_columns, features_of
from .improve import Round, improve, rounds_table

__all__ = ["CLASSIFIERS", "Features", "Round", "cross_validated", "feature_columns", "features_of", "improve", "predicted", "rounds_table"]
