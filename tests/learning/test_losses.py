"""Losses of the strategies: the same as one label after the other, and with the right gradients."""

import numpy as np
import pytest

from multiannotator_core.learning.networks.conal import Conal, conal_loss
from multiannotator_core.learning.networks.consensus import soft_loss
from multiannotator_core.learning.networks.crowd import Crowd, FlatLabels, mean_cross_entropy
from multiannotator_core.learning.networks.crowdlayer import crowdlayer_loss
from tests.learning import naive
from tests.learning.conftest import blobs

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install -r requirements-torch.txt")

N_ANNOTATORS, N_CLASSES, BATCH = 4, 3, 5
LABELS = [(0, 2, 0), (1, 1, 0), (0, 0, 1), (3, 1, 3), (1, 1, 3), (0, 2, 4)]  # annotator 2 and example 2 have none


def flat():
    return FlatLabels(*(torch.tensor(column) for column in zip(*LABELS, strict=True)))


def drawn(*shape, seed=0):
    return torch.tensor(np.random.default_rng([seed, *shape]).normal(size=shape)).requires_grad_()


def layer(variant):
    weight = drawn(N_ANNOTATORS, N_CLASSES, N_CLASSES) if variant == "matrix" else drawn(N_ANNOTATORS, N_CLASSES)
    return weight, drawn(N_ANNOTATORS, N_CLASSES, seed=1) if variant == "vector_bias" else None


def conal():
    shapes = [(3, 3), (N_ANNOTATORS, 3, 3), (6, 4), (4,), (4, 2), (2,), (N_ANNOTATORS, 2)]
    return Conal(*(drawn(*shape, seed=at) for at, shape in enumerate(shapes)))


def numbers(tensor):
    return None if tensor is None else tensor.detach().numpy()


@pytest.mark.parametrize("variant", ["matrix", "vector", "vector_bias"])
def test_crowdlayer_is_a_loop_over_labels(variant):
    """The loss of a batch is the mean of what each label costs under the layer of its annotator."""
    logits, (weight, bias) = drawn(BATCH, N_CLASSES), layer(variant)
    expected = naive.crowdlayer_loss(numbers(logits), numbers(weight), numbers(bias), LABELS)

    assert expected == pytest.approx(float(crowdlayer_loss(logits, weight, bias, flat()).detach()), abs=1e-12)


@pytest.mark.parametrize("variant", ["matrix", "vector", "vector_bias"])
def test_gradients_of_crowdlayer(variant):
    """Gradients for the network and the layers are those of finite differences, also for an annotator without labels."""
    weight, bias = layer(variant)
    given = [drawn(BATCH, N_CLASSES), weight, *([] if bias is None else [bias])]

    assert torch.autograd.gradcheck(lambda z, w, b=None: crowdlayer_loss(z, w, b, flat()), given)


@pytest.mark.parametrize("scale", [0.0, 0.3])
def test_conal_is_a_loop_over_labels(scale):
    """The loss of a batch is the mean of what each label costs under its mixed confusion, less the push apart."""
    logits, features, learned = drawn(BATCH, N_CLASSES), drawn(BATCH, 2, 3), conal()
    arrays = {name: numbers(tensor) for name, tensor in learned._asdict().items()}
    expected = naive.conal_loss(numbers(logits), numbers(features), arrays, LABELS, scale)

    assert expected == pytest.approx(float(conal_loss(logits, features, learned, flat(), scale).detach()), abs=1e-12)


@pytest.mark.parametrize("scale", [0.0, 0.3])
def test_gradients_of_conal(scale):
    """Gradients for the network, the confusions and the auxiliary network are those of finite differences."""
    given = [drawn(BATCH, N_CLASSES), drawn(BATCH, 2, 3), *conal()]

    assert torch.autograd.gradcheck(lambda z, x, *learned: conal_loss(z, x, Conal(*learned), flat(), scale), given)


def test_conal_starts_without_a_direction_to_push():
    """At the start all confusions are equal: the distance has no gradient there, and must not become NaN."""
    learned = conal()
    equal = learned._replace(own=learned.shared.detach().repeat(N_ANNOTATORS, 1, 1).requires_grad_())

    conal_loss(drawn(BATCH, N_CLASSES), drawn(BATCH, 6), equal, flat(), 0.3).backward()

    assert torch.isfinite(equal.own.grad).all()


def test_cross_entropies_are_torch_s():
    """Our sums are torch's cross entropy, for classes and for shares."""
    logits, label = drawn(7, 4), torch.tensor([0, 3, 1, 1, 2, 0, 3])
    shares = drawn(7, 4, seed=5).softmax(dim=1)
    ours = mean_cross_entropy(logits, label), soft_loss(logits, shares)

    torch.testing.assert_close(torch.nn.functional.cross_entropy(logits, label), ours[0])
    torch.testing.assert_close(torch.nn.functional.cross_entropy(logits, shares), ours[1])


def test_labels_of_a_batch():
    """A batch in any order, with examples without labels, gets exactly its labels, each with its place."""
    labels = blobs(30, per_example=3).labels
    kept = labels.select(examples=range(30))
    sparse = type(labels)(kept.examples, kept.annotators, kept.classes, *(c[3:] for c in (kept.example, kept.annotator, kept.label)))
    rows = np.array([7, 0, 29, 3])
    expected = [
        (int(j), int(g), place)
        for place, row in enumerate(rows)
        for i, j, g in zip(sparse.example, sparse.annotator, sparse.label, strict=True)
        if i == row
    ]

    found = Crowd(sparse, np.arange(1, 30), None, None, "cpu", 0).flat(torch.from_numpy(rows))

    assert expected == list(zip(*(column.tolist() for column in found), strict=True))
