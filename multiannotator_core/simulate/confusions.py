"""Strategies in which an annotator's label depends on the true class alone: one confusion matrix an annotator."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from . import stable
from .crowd import Crowd, Floats, Random, Setting, dirichlet_rows, in_range, made_dominant, one_coin_matrices, share_of

ROW_SUM_SLACK = 1e-3


def hammer_spammer(rng: Random, setting: Setting, *, ratio: float = 0.5) -> Crowd:
    """Hammers are always right, spammers answer uniformly at random whatever the example is.

    Args:
        ratio: share of spammers.

    Source: Lefort, Charlier, Joly & Salmon (peerannot), figure 5; Karger, Oh & Shah 2011.
    """
    in_range("ratio", ratio, 0, 1)
    spammer = share_of(rng, setting.n_annotators, ratio)
    k = setting.n_classes
    return Crowd(np.where(spammer[:, None, None], 1 / k, np.eye(k)), extra={"spammer": spammer})


def independent_confusion(rng: Random, setting: Setting) -> Crowd:
    """Each annotator has a matrix of their own: rows uniform on the simplex, the diagonal switched with the row's largest entry.

    Source: Lefort, Charlier, Joly & Salmon (peerannot), section 3.2.1.
    """
    return Crowd(made_dominant(dirichlet_rows(rng, setting.n_annotators, setting.n_classes)))


def student_teacher(rng: Random, setting: Setting, *, ratio: float = 0.8) -> Crowd:
    """Each student has the confusion matrix of a teacher chosen at random; all label independently.

    Args:
        ratio: share of students; at least one annotator is a teacher.

    Source: Lefort, Charlier, Joly & Salmon (peerannot), section 3.2.2.
    """
    in_range("ratio", ratio, 0, 1)
    n = setting.n_annotators
    student = share_of(rng, n, ratio)
    if student.all():
        student[rng.integers(n)] = False
    teachers = np.flatnonzero(~student)
    # teacher[j]: whose matrix annotator j has; a teacher has their own
    teacher = np.where(student, teachers[rng.integers(len(teachers), size=n)], np.arange(n))
    confusion = made_dominant(dirichlet_rows(rng, n, setting.n_classes))[teacher]
    return Crowd(confusion, extra={"teacher": teacher, "student": student})


def one_coin(rng: Random, setting: Setting, *, lowest: float = 0.5, highest: float = 0.95) -> Crowd:
    """Each annotator is right with one probability, whatever the class, and errs evenly over the other classes.

    Args:
        lowest, highest: the probabilities of being right are uniform between them.

    Source: Zhang, Chen, Zhou & Jordan 2014, the one-coin model.
    """
    in_range("lowest", lowest, 0, 1)
    in_range("highest", highest, lowest, 1)
    ability = lowest + (highest - lowest) * rng.random(setting.n_annotators)
    return Crowd(one_coin_matrices(ability, setting.n_classes), extra={"ability": ability})


def mace(rng: Random, setting: Setting, *, spam_shape: float = 0.5, habit_strength: float = 10.0) -> Crowd:
    """An annotator who spams draws from a habit, whatever the example is; one who does not is right.

    Args:
        spam_shape: the chance to spam is Beta(spam_shape, spam_shape); 0.5 makes mostly honest and mostly spamming annotators.
        habit_strength: habits are Dirichlet(habit_strength); large = answers spread evenly, small = one favourite class.

    Source: Hovy, Berg-Kirkpatrick, Vaswani & Hovy 2013, section 2 (their priors are the defaults).
    """
    in_range("spam_shape", spam_shape, 1e-3, np.inf)
    in_range("habit_strength", habit_strength, 1e-3, np.inf)
    n, k = setting.n_annotators, setting.n_classes
    spam = stable.beta(rng, spam_shape, n)
    habit = stable.dirichlet(rng, habit_strength, (n, k))
    confusion = (1 - spam)[:, None, None] * np.eye(k) + (spam[:, None] * habit)[:, None, :]
    return Crowd(confusion, extra={"trust": 1 - spam, "habit": habit})


def given_confusion(rng: Random, setting: Setting, *, confusion: ArrayLike) -> Crowd:
    """The matrices are given, for instance those of `Consensus.confusion` of a real crowd.

    Args:
        confusion: (J, K, K) [annotator, true class, given class], rows sum to 1.
    """
    return Crowd(checked_confusion(confusion))


def checked_confusion(confusion: ArrayLike) -> Floats:
    """(J, K, K) as numbers, each row summing to 1 exactly.

    Raises:
        ValueError: another shape, a negative or missing value, or a row that does not sum to 1.
    """
    matrices = np.array(confusion, dtype=np.float64)
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2] or not matrices.size:
        raise ValueError(
            f"confusion has shape {matrices.shape}; give one square matrix for each annotator: (annotators, classes, classes)."
        )
    total = matrices.sum(axis=2)
    bad = ~np.isfinite(total) | (matrices < 0).any(axis=2) | (np.abs(total - 1) > ROW_SUM_SLACK)
    if bad.any():
        j, t = np.argwhere(bad)[0]
        raise ValueError(f"confusion, annotator {j}, true class {t}: {matrices[j, t].tolist()} are not probabilities that sum to 1.")
    exact: Floats = matrices / total[:, :, None]
    return exact
