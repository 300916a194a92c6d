"""Networks that turn what they see of an example into K logits."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .extra import import_torch

if TYPE_CHECKING:
    from torch.nn import Module

TORCHVISION = "torchvision:"
DROPOUT = 0.5  # of the layer before the last, as in Rodrigues & Pereira 2018


@dataclass(frozen=True)
class Backbone:
    """One line of BACKBONES: build(shape of one example, K, options) -> a network; `images` ones see images only."""

    title: str
    sentence: str
    images: bool
    build: Callable[..., Any]

    @property
    def options(self) -> dict[str, Any]:
        """Names and defaults of the options, from the signature."""
        return {p.name: p.default for p in inspect.signature(self.build).parameters.values() if p.kind is p.KEYWORD_ONLY}


def linear(shape: tuple[int, ...], n_classes: int) -> Any:
    """One layer: multinomial logistic regression."""
    nn = import_torch().nn
    return nn.Sequential(nn.Flatten(), nn.Linear(_size(shape), n_classes))


def mlp(shape: tuple[int, ...], n_classes: int, *, hidden: int = 128, dropout: float = DROPOUT) -> Any:
    """Two dense layers, as Rodrigues & Pereira 2018 and Chu et al. 2021 put on the features of VGG-16."""
    nn = import_torch().nn
    return nn.Sequential(nn.Flatten(), nn.Linear(_size(shape), hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, n_classes))


def cnn(shape: tuple[int, ...], n_classes: int, *, channels: int = 16, hidden: int = 128, dropout: float = DROPOUT) -> Any:
    """Two convolutions that halve the image each, then two dense layers."""
    nn = import_torch().nn
    depth, height, width = shape
    return nn.Sequential(
        nn.Conv2d(depth, channels, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(channels, 2 * channels, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Flatten(),
        nn.Linear(2 * channels * -(-height // 4) * -(-width // 4), hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, n_classes),
    )


BACKBONES: dict[str, Backbone] = {
    "linear": Backbone("Linear", "For texts and for features of a larger model; fast.", False, linear),
    "mlp": Backbone("Two dense layers", "For features of a larger model and tables of numbers.", False, mlp),
    "cnn": Backbone("Small convolutional network", "For small images, trained from nothing.", True, cnn),
}


def network_of(name: str, shape: tuple[int, ...], n_classes: int, pretrained: bool = False, **options: Any) -> Module:
    """A new network, its weights drawn from torch's generator; `torchvision:resnet18` is a model of torchvision.

    Args:
        shape: of one example: (F,), or (channels, height, width).
        pretrained: with the weights that torchvision fetches; only for its models.

    Raises:
        ValueError: the name or an option is unknown, the network needs images, or torchvision cannot help.
    """
    if name.startswith(TORCHVISION):
        if options:
            raise ValueError(f"{name} has no option {next(iter(options))!r}; its options: pretrained.")
        return _of_torchvision(name.removeprefix(TORCHVISION), shape, n_classes, pretrained)
    if name not in BACKBONES:
        raise ValueError(f"There is no network {name!r}; choose one of {', '.join(BACKBONES)}, or {TORCHVISION}NAME such as resnet18.")
    chosen = BACKBONES[name]
    unknown = [option for option in options if option not in chosen.options]
    if unknown:
        raise ValueError(f"{chosen.title} has no option {unknown[0]!r}; its options: {', '.join(chosen.options) or 'none'}.")
    if chosen.images and len(shape) != 3:
        raise ValueError(f"{chosen.title} needs images, but an example has the shape {shape}. Choose linear or mlp.")
    return chosen.build(shape, n_classes, **options)


def _of_torchvision(name: str, shape: tuple[int, ...], n_classes: int, pretrained: bool) -> Module:
    try:
        models = importlib.import_module("torchvision.models")
    except ImportError:
        raise ValueError(f"{TORCHVISION}{name} needs torchvision, which is not installed: pip install torchvision") from None
    if name not in models.list_models():
        raise ValueError(f"torchvision has no model {name!r}; see torchvision.models.list_models().")
    if len(shape) != 3 or shape[0] != 3:
        raise ValueError(f"{TORCHVISION}{name} needs colour images, but an example has the shape {shape}.")
    if not pretrained:
        return models.get_model(name, weights=None, num_classes=n_classes)
    try:
        network = models.get_model(name, weights="DEFAULT")
    except OSError as error:  # urllib's errors are such
        raise ValueError(f"The weights of {name} cannot be fetched ({error}); go online once, or train without pretrained.") from None
    return _with_last_layer(network, n_classes)


def _with_last_layer(network: Any, n_classes: int) -> Module:
    """The network with a new last dense layer for K classes."""
    nn = import_torch().nn
    path, last = [(path, layer) for path, layer in network.named_modules() if isinstance(layer, nn.Linear)][-1]
    parent, _, child = path.rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Linear(last.in_features, n_classes))
    return network


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
