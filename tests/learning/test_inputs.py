"""What networks look at: tables, texts, images in memory and in folders; and networks of others by name."""

import sys
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import multiannotator_core as mc
from multiannotator_core.learning import Features
from multiannotator_core.learning.networks import Images, Known, Schedule, image_folder, train
from multiannotator_core.learning.networks.backbones import network_of
from multiannotator_core.learning.networks.inputs import inputs_of

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install -r requirements-torch.txt")

QUICK = Schedule(n_epochs=15, batch_size=8, learning_rate=2e-2, patience=0)


def alternating(n=24):
    """Two annotators who agree: even examples are a, odd ones b."""
    frame = pd.DataFrame({"example": np.repeat(np.arange(n), 2), "annotator": np.tile(["x", "y"], n)})
    return mc.CrowdLabels.from_long(frame.assign(label=np.where(frame["example"] % 2, "b", "a")))


def right(learned, labels):
    return (learned.pred_probs.argmax(axis=1) == labels.votes.argmax(axis=1)).mean()


def pictures(n=24, side=6):
    """Grey images (n, 1, side, side), 0 to 255: bright left or bright right."""
    pixels = np.random.default_rng(0).integers(0, 60, (n, 1, side, side)).astype(np.uint8)
    pixels[::2, :, :, : side // 2] += 180
    pixels[1::2, :, :, side // 2 :] += 180
    return pixels


def test_texts_are_learned_and_new_words_do_no_harm():
    """A linear network on words tells the classes apart, also in test texts with words that it never saw."""
    labels = alternating()
    texts = [f"{'bad' if i % 2 else 'good'} film number {i}" for i in range(24)]
    test = Known(["good unheard", "bad unheard", ""], ["a", "b", None])

    found = train(labels, texts, backbone="linear", n_folds=2, schedule=QUICK, test=test)

    assert right(found, labels) == 1
    assert found.test["accuracy"] == 1


@pytest.mark.parametrize("kind", ["whole numbers", "fractions", "files"])
def test_images_are_learned(tmp_path, kind):
    """The small network learns images from memory and from files of any size; test images go the same way."""
    labels, pixels = alternating(), pictures()
    if kind == "files":
        (tmp_path / "below").mkdir()
        for i, image in enumerate(pixels):
            Image.fromarray(image[0]).resize((9, 7)).save(tmp_path / ("below" if i % 3 else ".") / f"{i}.png")
        seen = image_folder(tmp_path, labels.examples, side=6, grey=True)
    else:
        seen = Images(pixels if kind == "whole numbers" else pixels / 255)

    found = train(labels, seen, backbone="cnn", backbone_options={"channels": 4, "hidden": 8, "dropout": 0.0}, n_folds=2, schedule=QUICK)

    assert right(found, labels) == 1


def test_an_image_is_found_by_the_name_of_its_example(tmp_path):
    """With or without ending, in colour too; missing, double and broken images are named."""
    for name in ("a", "b"):
        Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / f"{name}.png")
    files = image_folder(tmp_path, ["b.png", "a"], side=2)
    found = inputs_of(files, np.array([0]), "cpu").take(torch.tensor([1, 0]))

    assert [path.stem for path in files.paths] == ["b", "a"]
    assert found.tolist() == [[[[1.0] * 2] * 2, [[0.0] * 2] * 2, [[0.0] * 2] * 2]] * 2
    with pytest.raises(ValueError, match="no image of example 'c'"):
        image_folder(tmp_path, ["a", "c"])
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.jpg").write_bytes(b"not an image")
    with pytest.raises(ValueError, match="both an image of example 'a'"):
        image_folder(tmp_path, ["a"])
    with pytest.raises(ValueError, match=r"a\.jpg cannot be read"):
        inputs_of(image_folder(tmp_path / "more", ["a"]), np.array([0]), "cpu").take(torch.tensor([0]))


def test_scales_come_from_the_training_examples():
    """Numbers are scaled by the mean and spread of the examples that teach; unknown ones become the mean."""
    numbers = np.array([[1.0], [3.0], [np.nan], [100.0]])

    found = inputs_of(Features(numbers), np.array([0, 1]), "cpu").take(torch.arange(4))

    assert found[:, 0].tolist() == [-1.0, 1.0, 0.0, 98.0]


def test_images_have_four_axes():
    """An array that is no stack of images is refused with its shape."""
    with pytest.raises(ValueError, match=r"shape \(3, 4, 4\)"):
        Images(np.zeros((3, 4, 4)))


class Torchvision:
    """Stands for torchvision.models: one small model with a dense layer at its end."""

    @staticmethod
    def list_models():
        return ["tiny", "far"]

    @staticmethod
    def get_model(name, weights=None, num_classes=5):
        if name == "far":
            raise URLError("no route to host")
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, num_classes))


def test_networks_of_torchvision(monkeypatch):
    """A model by name gets K classes, also with fetched weights; offline, unknown and missing ones are one sentence each."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ValueError, match="needs torchvision, which is not installed: pip install torchvision"):
        network_of("torchvision:tiny", (3, 2, 2), 4)
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(models=Torchvision))
    monkeypatch.setitem(sys.modules, "torchvision.models", Torchvision)
    image = torch.zeros(2, 3, 2, 2)

    assert [tuple(network_of("torchvision:tiny", (3, 2, 2), 4, pretrained=p)(image).shape) for p in (False, True)] == [(2, 4)] * 2
    for name, shape, message in (
        ("far", (3, 2, 2), "weights of far cannot be fetched"),
        ("big", (3, 2, 2), "no model 'big'"),
        ("tiny", (1, 2, 2), "colour images"),
    ):
        with pytest.raises(ValueError, match=message):
            network_of(f"torchvision:{name}", shape, 4, pretrained=True)
