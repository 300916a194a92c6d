"""Learn a classifier from a crowd: one network from all examples, and one for each fold that never sees it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...labels import CrowdLabels
from ...threads import usable_threads
from . import checkpoint as kept
from .backbones import network_of
from .crowd import Beside, Crowd, Objective
from .extra import device_of, import_torch
from .inputs import Seen, as_given, inputs_of
from .learned import Known, Learned, probability_metrics
from .loop import Epoch, OnBatch, OnEpoch, Schedule, Training, fit, predicted, seeded
from .plan import Plan, codes_of, fold_of, held_out, key_of, only, together
from .strategies import STRATEGIES, check, objective_of


def train(
    labels: CrowdLabels,
    features: Seen,
    strategy: str = "crowdlayer",
    *,
    backbone: str = "mlp",
    backbone_options: Mapping[str, Any] | None = None,
    schedule: Schedule | None = None,
    n_folds: int = 5,
    validation: Known | None = None,
    test: Known | None = None,
    gold: Mapping[Hashable, Hashable] | pd.Series | None = None,
    pred_probs: Any = None,
    seed: int = 0,
    device: str | None = None,
    checkpoint: Path | str | None = None,
    on_epoch: OnEpoch | None = None,
    on_batch: OnBatch | None = None,
    **options: Any,
) -> Learned:
    """Train a network on the labels of a crowd.

    Args:
        features: of the N examples in the order of labels.examples: an array (N, F), a table, texts, `Features`, `Images`, `ImageFiles`.
        strategy: a key of STRATEGIES; `options` are its own.
        backbone: a key of BACKBONES or `torchvision:NAME`; `backbone_options` are its own (of torchvision: pretrained).
        schedule: how long and how fast to learn.
        n_folds: of the out-of-sample probabilities; 0 leaves them out and trains one network only.
        validation: examples with known classes for early stopping; default: a share of the examples is held out, and the accuracy is
            the share of their labels that the network says.
        test: further examples, to predict and, where their class is known, to judge.
        gold, pred_probs: for the methods of the strategy `consensus` that use them, see `aggregate`; other strategies ignore them.
        seed: the same seed gives the same result on the same machine's CPU with as many threads.
        device: cpu, cuda, mps; default: a graphics card if there is one.
        checkpoint: a file that is written after each epoch and removed at the end; a stopped training goes on from it.
        on_epoch: called after each epoch; what it raises, such as `Cancelled`, stops the training.
        on_batch: see `fit`; of the network that learns from all examples.

    Raises:
        ValueError: PyTorch is not installed, or what is given does not fit together.
        Cancelled: when on_epoch raised it.
    """
    check(strategy, options)
    torch = import_torch()
    torch.set_num_threads(min(torch.get_num_threads(), usable_threads()))
    device = device_of(device)
    schedule = Schedule() if schedule is None else schedule
    options = {**STRATEGIES[strategy].options, **options}
    given, judges, test_rows = together(labels, as_given(features), validation, test)
    fold = fold_of(labels, n_folds, seed)
    plan = Plan(
        labels, given, strategy, options, backbone, backbone_options or {}, schedule, judges, test_rows, fold, Beside(gold, pred_probs),
        device, seed,
    )  # fmt: skip
    found = _all_runs(plan, n_folds + 1 if n_folds else 1, None if checkpoint is None else Path(checkpoint), on_epoch, on_batch)
    return _learned(plan, found, test)


def _learned(plan: Plan, found: Sequence[Mapping[str, Any]], test: Known | None) -> Learned:
    whole = found[0]
    pred_probs = None
    if len(found) > 1:
        pred_probs = np.empty((len(plan.labels.examples), len(plan.labels.classes)))
        for f, one in enumerate(found[1:], start=1):
            pred_probs[plan.fold == f] = one["probabilities"].numpy()
    probabilities = whole["probabilities"].numpy() if test is not None else None
    arrays = {name: None if whole[name] is None else whole[name].numpy() for name in ("confusion", "weights")}
    truth = None if test is None else codes_of(plan.labels, test, len(plan.test_rows))
    metrics = {} if probabilities is None or truth is None or (truth < 0).all() else probability_metrics(probabilities, truth)
    curves = tuple(Epoch(*point) for one in found for point in one["curve"])
    return Learned(
        plan.strategy, plan.backbone, plan.options, pred_probs, probabilities, metrics, **arrays, curves=curves,
        n_parameters=whole["n_parameters"],
    )  # fmt: skip


# ---------------------------------------------------------------------- the runs


def _all_runs(plan: Plan, n_runs: int, path: Path | None, on_epoch: OnEpoch | None, on_batch: OnBatch | None) -> list[Mapping[str, Any]]:
    """What each run found; with a checkpoint, finished runs and the state of the present one are kept in it."""
    key = "" if path is None else key_of(plan)
    before = None if path is None else kept.read(path, key)
    found: list[Mapping[str, Any]] = [] if before is None else list(before["found"])
    state = None if before is None else before["state"]

    def tell(epoch: Epoch) -> None:
        if on_epoch is not None:
            on_epoch(epoch._replace(done=(epoch.run + epoch.done) / n_runs))

    def save(now: Mapping[str, Any] | None) -> None:
        if path is not None:
            kept.write(path, {"key": key, "found": found, "state": now})

    for run in range(len(found), n_runs):
        found.append(_one_run(plan, run, tell, on_batch if run == 0 else None, state, save if path is not None else None))
        state = None
    if path is not None:
        path.unlink(missing_ok=True)
    return found


def _one_run(plan: Plan, run: int, on_epoch: OnEpoch, on_batch: OnBatch | None, state: Any, save: Any) -> Mapping[str, Any]:
    """Train one network: run 0 on all examples, run f on those outside fold f; and what is wanted from it, as tensors."""
    torch = import_torch()
    training, crowd = _prepare(plan, run)
    curve = fit(training, on_epoch=on_epoch, on_batch=on_batch, state=state, save=save)
    objective = training.objective
    rows = plan.test_rows if run == 0 else np.flatnonzero(plan.fold == run)
    found: dict[str, Any] = {
        "curve": [tuple(point) for point in curve],
        "probabilities": torch.from_numpy(crowd.predict(rows)) if len(rows) else None,
        "n_parameters": sum(tensor.numel() for tensor in [*training.network.parameters(), *objective.parameters.values()]),
    }
    for name, of in (("confusion", objective.confusion), ("weights", objective.weights)):
        found[name] = None if run or of is None else torch.from_numpy(of())
    return found


def _prepare(plan: Plan, run: int) -> tuple[Training, Crowd]:
    """A new network and the objective of the strategy, for the examples that may teach in this run."""
    teaches = np.flatnonzero((plan.labels.labels_per_example > 0) & ((plan.fold != run) | (run == 0)))
    train, judges = held_out(plan, teaches, run)
    inputs = inputs_of(plan.given, train, plan.device)
    with seeded(plan.device, plan.seed, run):
        network = network_of(plan.backbone, inputs.shape, len(plan.labels.classes), **plan.backbone_options).to(plan.device)

    def predict(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        return predicted(network, inputs, rows, plan.device)

    crowd = Crowd(only(plan.labels, train), train, inputs, predict, plan.device, plan.seed, plan.beside)
    objective: Objective = objective_of(crowd, plan.strategy, **plan.options)
    return Training(network, objective, inputs, train, judges, plan.schedule, plan.device, plan.seed, run), crowd
