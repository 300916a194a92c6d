"""Without PyTorch everything else works, and networks say in one sentence how to get it."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from multiannotator_core.cli import cli
from multiannotator_core.learning import networks
from tests.learning.conftest import blobs

SENTENCE = "Networks need PyTorch, which is not installed: pip install -r requirements-torch.txt"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def no_torch(monkeypatch):
    """As if torch were not installed."""
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.mark.usefixtures("no_torch")
def test_training_says_how_to_install_it():
    """The sentence comes as a ValueError from the library, as a reason for pages, and with exit code 2 from the command."""
    made = blobs(12)

    with pytest.raises(ValueError, match="^" + SENTENCE.replace(".", r"\.") + "$"):
        networks.train(made.labels, made.points)
    asked = CliRunner().invoke(cli, ["train", "sample:tutorial"])

    assert networks.torch_missing() == SENTENCE
    assert asked.exit_code == 2
    assert SENTENCE in asked.stderr


@pytest.mark.usefixtures("no_torch")
def test_strategies_are_listed_without_it():
    """Names, options and sentences of strategies and networks can be shown."""
    assert {"consensus", "crowdlayer", "conal", "raykar"} <= set(networks.STRATEGIES)
    assert all(strategy.options for strategy in networks.STRATEGIES.values())
    assert {"linear", "mlp", "cnn"} <= set(networks.BACKBONES)


def test_importing_the_library_does_not_import_it():
    """Torch takes seconds to import: only those who train pay for it."""
    code = (
        "import sys, multiannotator_core, multiannotator_core.learning.networks, multiannotator_core.cli; sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_with_it_nothing_is_missing():
    """Where torch is installed there is no reason to show."""
    pytest.importorskip("torch", reason="the networks need PyTorch: pip install -r requirements-torch.txt")

    assert networks.torch_missing() is None
