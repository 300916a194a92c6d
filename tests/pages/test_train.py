"""The page Train: from a click to predictions in use."""

import time

from tests.pages.test_states import problems


def trained(app):
    """Click Train and wait for the table of rounds."""
    next(b for b in app.button if b.label == "Train").click().run()
    for _ in range(300):
        if [b for b in app.button if b.label == "Use these predictions"]:
            return app
        time.sleep(0.1)
        app.run()
    raise AssertionError("the training did not end")


def test_train_and_use(sample):
    """Images of the sample are learned, rounds are judged by gold, and one click keeps the predictions with the dataset."""
    from pages import _runs

    sample.switch_page("pages/train.py").run()
    sample.number_input(key="trn_rounds").set_value(1).run()
    trained(sample)
    table = sample.dataframe[0].value
    assert problems(sample) == []
    assert table["Round"].tolist() == [1]
    assert table["Model right"].iloc[0] > 80
    before = _runs.store().datasets()[0].inputs

    next(b for b in sample.button if b.label == "Use these predictions").click().run()

    assert problems(sample) == []
    assert len(sample.success) == 1
    assert _runs.store().datasets()[0].inputs != before


def test_features_that_do_not_fit_are_refused_beside_the_upload(sample):
    """A file of another dataset gives one sentence, and the columns of the dataset stay."""
    sample.switch_page("pages/train.py").run()
    uploader = next(u for u in sample.file_uploader if u.key.startswith("upload_features"))
    uploader.upload("other.csv", b"task,x\nnobody,1\n", "text/csv").run()

    assert sample.exception == []
    assert len(sample.error) == 1
    assert sample.multiselect[0].value == ["image"]
