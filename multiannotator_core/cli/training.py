"""The command that trains a network on the labels of a crowd."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from ..ingest.features import read_features
from ..labels import CrowdLabels
from ..learning import feature_columns, features_of, networks
from ..learning.networks import Learned, Schedule
from .inputs import Given, opened, reading
from .options import SEED, learning_options
from .output import Progress, deliver_table, kind_of, note, out_options, refuse_existing

SIDE = 32  # pixels to which images are brought for networks that see them as such
SCHEDULE = Schedule()
FILE = click.Path(path_type=Path)


@click.command("train")
@reading()
@click.option("--features", "features_file", metavar="FILE", help="Table or NPY of features; default: the contents of the files.")
@click.option("--images", type=FILE, help="Folder with the image of each example, named like it.")
@click.option(
    "--strategy", "-s", type=click.Choice(list(networks.STRATEGIES)), default="crowdlayer", show_default=True, help="How to learn."
)
@click.option("--network", default="mlp", show_default=True, help=f"One of {', '.join(networks.BACKBONES)}, or torchvision:NAME.")
@click.option("--epochs", type=click.IntRange(min=1), default=SCHEDULE.n_epochs, show_default=True, help="Times through the data, at most.")
@click.option("--batch", type=click.IntRange(min=1), default=SCHEDULE.batch_size, show_default=True, help="Examples in a step.")
@click.option("--rate", type=float, default=SCHEDULE.learning_rate, show_default=True, help="Learning rate.")
@click.option(
    "--patience", type=click.IntRange(min=0), default=SCHEDULE.patience, show_default=True, help="Epochs without gain; 0: never stop."
)
@click.option("--folds", type=click.IntRange(min=2), default=5, show_default=True, help="For the out-of-sample probabilities.")
@click.option("--confusions", type=FILE, help="Write what was learned of each annotator into this file.")
@click.option("--curves", type=FILE, help="Write the learning curves into this file.")
@click.option("--checkpoint", type=FILE, help="Kept while it trains; after a break the same command goes on from it.")
@SEED
@learning_options
@out_options
def train_command(
    given: Given,
    features_file: str | None,
    images: Path | None,
    strategy: str,
    network: str,
    epochs: int,
    batch: int,
    rate: float,
    patience: int,
    folds: int,
    confusions: Path | None,
    curves: Path | None,
    checkpoint: Path | None,
    seed: int,
    options: Mapping[str, Any],
    output: Path | None,
    kind: str | None,
    force: bool,
) -> None:
    """Train a network on the labels and write its out-of-sample probabilities of each class. Needs PyTorch.

    Example: crowdlens train sample:digits -s crowdlayer -o pred_probs.csv
    """
    if (why := networks.torch_missing()) is not None:
        raise ValueError(why)
    refuse_existing(force, output, confusions, curves)
    kinds = kind_of(output, kind), kind_of(confusions, None), kind_of(curves, None)
    seen = features_for(given, features_file, images, network)
    schedule = Schedule(n_epochs=epochs, batch_size=batch, learning_rate=rate, patience=patience)
    with Progress("percent", 100) as progress:
        learned = networks.train(
            given.labels, seen, strategy, backbone=network, schedule=schedule, n_folds=folds, seed=seed, checkpoint=checkpoint,
            on_epoch=lambda epoch: progress(int(100 * epoch.done)), **dict(options),
        )  # fmt: skip
    note(*_judged(given, learned))
    if confusions is not None:
        deliver_table(confusion_table(given.labels, learned), confusions, kinds[1], force)
    if curves is not None:
        deliver_table(learned.curve_table(), curves, kinds[2], force)
    table = pd.DataFrame(learned.pred_probs, index=given.labels.examples.rename("example"), columns=given.labels.classes.map(str))
    deliver_table(table, output, kinds[0], force)


def features_for(given: Given, file: str | None, images: Path | None, network: str) -> Any:
    """What the network looks at: the folder of images, the table, or the contents that came with the labels.

    Raises:
        ValueError: there is nothing to look at.
    """
    examples = given.labels.examples
    as_images = network not in networks.BACKBONES or networks.BACKBONES[network].images
    if images is not None:
        return networks.image_folder(images, list(examples), side=SIDE)
    table = given.content if file is None else read_features(opened(file), given.labels)[0]
    kinds = {} if table is None else feature_columns(table)
    if table is None or not kinds:
        raise ValueError("The files hold nothing that a network could look at; name a table with --features or a folder with --images.")
    pictures = [column for column, what in kinds.items() if what == "image"]
    if as_images and pictures:
        return networks.images_of(table[pictures[0]].reindex(examples), side=SIDE)
    return features_of(table, list(kinds), examples)


def _judged(given: Given, learned: Learned) -> list[str]:
    """What the probabilities are worth on the gold, which taught nothing."""
    if given.gold is None or learned.pred_probs is None:
        return []
    code = given.labels.classes.get_indexer(given.gold.reindex(given.labels.examples))
    if (code < 0).all():
        return []
    found = networks.probability_metrics(learned.pred_probs, code)
    return [f"On {found['n']:,} gold examples {found['accuracy']:.1%} are right; calibration error {found['ece']:.3f}."]


def confusion_table(labels: CrowdLabels, learned: Learned) -> pd.DataFrame:
    """One row for each annotator, true class and given class: the learned chance of it.

    Raises:
        ValueError: the strategy learns no confusions.
    """
    if learned.confusion is None:
        raise ValueError("This strategy learned no confusions; leave out --confusions, or take a method that has them.")
    size = learned.confusion.shape
    annotator, true, said = (axis.ravel() for axis in np.indices(size))
    return pd.DataFrame(
        {
            "annotator": labels.annotators.take(annotator),
            "true_class": labels.classes.take(true),
            "given_class": labels.classes.take(said),
            "chance": learned.confusion.ravel(),
        }
    )
