"""Files to take away."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core import export
from tests.crowds import crowd, model_of


@pytest.fixture
def made():
    frame, truth = crowd()
    labels = mc.CrowdLabels.from_long(frame)
    model = pd.DataFrame(model_of(labels, truth), index=labels.examples, columns=labels.classes)
    gold = truth.iloc[:5]
    return labels, model, gold, mc.aggregate(labels, "dawid_skene", pred_probs=model, gold=gold, prior_strength=2.0)


def test_tables_come_back(made):
    """CSV and Parquet of the soft labels hold the posterior to the last digit, and NPY the same array."""
    labels, _, _, result = made
    soft = export.soft(labels, result)
    csv = pd.read_csv(io.BytesIO(export.to_csv(soft)), index_col="example")
    parquet = pd.read_parquet(io.BytesIO(export.to_parquet(soft))).set_index("example")

    np.testing.assert_allclose(csv.to_numpy(), result.posterior, rtol=1e-14)
    np.testing.assert_array_equal(parquet.to_numpy(), result.posterior)
    np.testing.assert_array_equal(np.load(io.BytesIO(export.to_npy(result.posterior)), allow_pickle=False), result.posterior)


def test_pseudonyms_hide_names_and_change_nothing_else(made):
    """Each annotator has one pseudonym whose order says nothing, and the consensus of the shared labels is the same."""
    labels, _, _, _ = made
    names = export.pseudonyms(labels)
    shared = export.pseudonymous(labels)

    assert sorted(names) == [f"A-{j:03d}" for j in range(1, 10)]
    assert list(names) != sorted(names)
    assert not set(map(str, labels.annotators)) & set(shared.annotators)
    np.testing.assert_allclose(mc.aggregate(shared).posterior, mc.aggregate(labels).posterior, atol=1e-9)


def test_the_script_repeats_the_run(made, tmp_path):
    """The script in the bundle, run on the files beside it, writes the same consensus."""
    labels, model, gold, result = made
    with zipfile.ZipFile(io.BytesIO(export.bundle(labels, result, name='it\'s "odd"\n', pred_probs=model, gold=gold))) as archive:
        for name in archive.namelist():
            (tmp_path / name).write_bytes(archive.read(name))
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "reproduce.py"], cwd=tmp_path, env={"PYTHONPATH": str(root)}, check=True, capture_output=True)
    again = pd.read_csv(tmp_path / "consensus.csv", index_col="example")

    assert list(again["consensus_label"]) == list(labels.classes[result.label])
    np.testing.assert_allclose(again["consensus_quality_score"], result.quality, atol=1e-9)
