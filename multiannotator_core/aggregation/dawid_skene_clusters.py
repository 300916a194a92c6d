"""Dawid-Skene with clusters: annotators of a kind share one confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import rel_entr

from ..consensus import Consensus
from ..labels import CrowdLabels
from .concluding import conclude
from .dawid_skene import PRIOR_STRENGTH, class_log_prior, pooled_rows
from .em import FLOOR, OnIteration, check_strength, run_em, share_counts, soft_counts, soft_rows, softmax
from .engine import Engine, Sums, engine_of


@dataclass(frozen=True)
class Clusters:
    """member[j, c], log_rows[c, given, true], log_prior[true], and the objective without the evidence of the labels."""

    member: NDArray[np.float64]
    log_rows: NDArray[np.float64]
    log_prior: NDArray[np.float64]
    log_density: float

    def expected_log(self) -> NDArray[np.float64]:
        """Expected log confusion [j, given, true] of each annotator."""
        expected: NDArray[np.float64] = np.tensordot(self.member, self.log_rows, axes=1)
        return expected


def dawid_skene_clusters(
    labels: CrowdLabels | Engine,
    *,
    gold: NDArray[np.int32] | None = None,
    on_iteration: OnIteration | None = None,
    n_clusters: int = 5,
    prior_strength: float = PRIOR_STRENGTH,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Consensus:
    """Estimate the truth and which of a few confusion matrices each annotator has (DSWC, Imamura, Sato & Sugiyama 2018).

    Model: truth[i] ~ p; cluster[j] ~ size; P(j says g | truth t, cluster c) = rows[c, t, g]. Mean-field q(truth) q(cluster), by
    variational EM. With counts[j, t, g] the expected number of times that j says g where the truth is t, each iteration takes
        rows[c, t, g] ~ prior[t, g] + sum over j of member[j, c] counts[j, t, g],   size[c] = mean of member[j, c],
        log member[j, c] = log size[c] + sum over t, g of counts[j, t, g] log rows[c, t, g] + constant,
        log q(truth[i] = t) = log p[t] + sum over labels and c of member[j, c] log rows[c, t, g] + constant.
    The start sorts annotators by the nuclear norm of their confusion and cuts them into equal clusters, as the paper does. The
    rows have a Dirichlet prior of `prior_strength` imagined labels, spread as the crowd's labels are. The objective is the lower
    bound of the log likelihood plus the log prior density; it never falls.

    `annotator_scores` holds the most probable "cluster" of each annotator and its "cluster_probability".

    Args:
        n_clusters: at most this many clusters; no more than there are annotators with labels.
    """
    check_strength(prior_strength)
    if n_clusters < 1 or int(n_clusters) != n_clusters:
        raise ValueError(f"n_clusters={n_clusters} must be a whole number from 1.")
    engine = engine_of(labels, gold)
    active = engine.labels_per_annotator > 0
    counts, class_sums = engine.each(share_counts)
    prior = prior_strength * pooled_rows(counts) + FLOOR  # prior[given, true]

    def m_step(believed: tuple[Sums, NDArray[np.float64]]) -> Clusters:
        (counts, class_sums), member = believed
        rows = np.tensordot(member.T, counts, axes=1) + prior
        log_rows, log_size = np.log(rows / rows.sum(axis=1, keepdims=True)), class_log_prior(member[active].mean(axis=0))
        member, _ = softmax(np.tensordot(counts, log_rows, axes=((1, 2), (1, 2))) + log_size)
        spread = float(rel_entr(member[active], np.exp(log_size)).sum())
        log_density = float(np.vdot(prior, log_rows.sum(axis=0))) - spread
        return Clusters(member, log_rows, class_log_prior(class_sums / engine.shape[0]), log_density)

    def e_step(now: Clusters) -> tuple[tuple[Sums, NDArray[np.float64]], float]:
        *sums, evidence = engine.each(soft_counts, now.expected_log(), now.log_prior)
        return (tuple(sums), now.member), evidence + now.log_density

    fit = run_em(
        m_step,
        e_step,
        ((counts, class_sums), starting_clusters(counts + prior, active, int(n_clusters))),
        max_iter=max_iter,
        tol=tol,
        n_labels=engine.n_labels,
        on_iteration=on_iteration,
        journal=engine.journal,
    )
    now = fit.parameters
    return conclude(
        engine,
        soft_rows,
        now.expected_log(),
        now.log_prior,
        confusion=np.tensordot(now.member, np.exp(now.log_rows).transpose(0, 2, 1), axes=1),
        trace=fit.trace,
        converged=fit.converged,
        annotator_scores={"cluster": now.member.argmax(axis=1).astype(np.float64), "cluster_probability": now.member.max(axis=1)},
    )


def starting_clusters(counts: NDArray[np.float64], active: NDArray[np.bool_], n_clusters: int) -> NDArray[np.float64]:
    """member (J, C): equal clusters in the order of the nuclear norm of each confusion, from counts[j, given, true] above 0.

    The norm is high for annotators whose labels depend on the class. Equal norms share a cluster, so that names do not matter.
    """
    n_active = int(active.sum())
    norms = np.linalg.svd(counts[active] / counts[active].sum(axis=1, keepdims=True), compute_uv=False).sum(axis=1)
    n_clusters = max(1, min(n_clusters, n_active))
    member = np.full((len(counts), n_clusters), 1 / n_clusters)
    member[active] = np.eye(n_clusters)[((pd.Series(-norms.round(9)).rank().to_numpy() - 0.5) / n_active * n_clusters).astype(int)]
    return member
