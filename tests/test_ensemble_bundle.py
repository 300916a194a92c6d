"""The bundle of a run that saw several models."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

import multiannotator_core as mc
from multiannotator_core import export
from tests.crowds import crowd


def test_the_script_repeats_the_run_of_an_ensemble(tmp_path):
    """Each model has its own file, and the script in the bundle writes the same consensus as the run."""
    labels = mc.CrowdLabels.from_long(crowd()[0])
    rng = np.random.default_rng(0)
    names = {"index": labels.examples, "columns": labels.classes}
    models = [pd.DataFrame(rng.dirichlet(np.ones(len(labels.classes)), len(labels.examples)), **names) for _ in range(2)]
    result = mc.aggregate(labels, "crowdlab", pred_probs=models)
    with zipfile.ZipFile(io.BytesIO(export.bundle(labels, result, name="two", pred_probs=models))) as archive:
        archive.extractall(tmp_path)
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "reproduce.py"], cwd=tmp_path, env={"PYTHONPATH": str(root)}, check=True, capture_output=True)
    again = pd.read_csv(tmp_path / "consensus.csv", index_col="example")

    assert sorted(path.name for path in tmp_path.glob("pred_probs*")) == ["pred_probs_1.csv", "pred_probs_2.csv"]
    np.testing.assert_allclose(result.quality, again["consensus_quality_score"], atol=1e-9)
