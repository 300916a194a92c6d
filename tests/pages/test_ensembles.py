"""Several files of predictions on the page Data."""

import io

import numpy as np

from tests.pages.test_relabel import until
from tests.pages.test_states import problems


def npy(seed):
    """Predictions of a model for the digits sample, without names."""
    file = io.BytesIO()
    np.save(file, np.random.default_rng(seed).dirichlet(np.ones(10), 1797))
    return f"model{seed}.npy", file.getvalue(), "application/octet-stream"


def test_several_files_are_an_ensemble(sample):
    """Each file without names is shown to be confirmed; then the page says how many models there are."""
    sample.switch_page("pages/data.py").run()
    uploader = next(u for u in sample.file_uploader if u.key.startswith("upload_pred_probs"))
    uploader.upload(*npy(0)).upload(*npy(1)).run()
    shown = [line.value for line in sample.text if "has no names" in line.value]
    sample.button(key="confirm_order").click().run()

    assert [line.split()[0] for line in shown] == ["model0.npy", "model1.npy"]
    assert problems(sample) == []
    assert [m.value for m in sample.markdown if "2 models" in m.value]


def test_predictions_that_are_none_change_nothing(sample):
    """Rows that do not sum to 1 are refused beside the upload, with the name of the file, and the page keeps what it had."""
    bad = io.BytesIO()
    np.save(bad, np.full((1797, 10), 0.2))
    sample.switch_page("pages/data.py").run()
    uploader = next(u for u in sample.file_uploader if u.key.startswith("upload_pred_probs"))
    uploader.upload(*npy(0)).upload("bad.npy", bad.getvalue(), "application/octet-stream").run()

    assert [e.value for e in sample.error if "bad.npy" in e.value.replace("\\", "") and "sum to 2" in e.value]
    assert not sample.exception
    sample.switch_page("pages/relabel.py").run()
    until(sample, lambda app: [c.value for c in app.caption if "Seen by one model" in c.value])
