"""Features of examples from a table by name or an array by order."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest

import multiannotator_core as mc
from multiannotator_core.ingest import IngestError
from multiannotator_core.ingest.features import read_features

LABELS = mc.CrowdLabels.from_long(pd.DataFrame({"task": ["a", "b", "c"], "worker": ["w"] * 3, "label": ["x", "y", "x"]}))


def named(name, data):
    """An open file with a name."""
    file = BytesIO(data)
    file.name = name
    return file


def npy(values):
    """An array as the bytes of an NPY file."""
    out = BytesIO()
    np.save(out, values)
    return out.getvalue()


def test_a_table_is_aligned_by_name():
    """Rows in another order find their example; columns keep their names."""
    found, by_order = read_features(named("f.csv", b"task,x1,x2\nc,3,5\na,1,2\nb,2,7\n"), LABELS)

    assert found.index.tolist() == ["a", "b", "c"]
    assert pd.to_numeric(found["x1"]).tolist() == [1, 2, 3]
    assert not by_order


def test_an_array_is_taken_by_order():
    """Row i belongs to example i, and the caller is told that only the order says so."""
    found, by_order = read_features(named("f.npy", npy(np.arange(6.0).reshape(3, 2))), LABELS)

    assert found.loc["b"].tolist() == [2.0, 3.0]
    assert by_order


@pytest.mark.parametrize("values", [np.zeros((2, 4)), np.zeros(3), np.array([["a"], ["b"], ["c"]])])
def test_arrays_that_do_not_fit_are_refused(values):
    """Another number of rows, one axis or text: the message says what is needed."""
    with pytest.raises(IngestError, match="3 examples"):
        read_features(named("f.npy", npy(values)), LABELS)
