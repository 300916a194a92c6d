"""What a person brings: files of labels, predictions, gold and contents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from multiannotator_core import ingest
from multiannotator_core.ingest import Proposal
from multiannotator_core.ingest.rows import NO_LABEL
from multiannotator_core.names import listed
from multiannotator_core.store import Dataset, DatasetInfo
from pages._images import hosts
from pages._jobs import Job, await_job, start
from pages._parts import Choice, short, text
from pages._people import may, write
from pages._runs import open_dataset, store
from pages._session import use


def uploader_key(what: str) -> str:
    """A key that changes after an upload was taken in, so that its file leaves the memory."""
    return f"upload_{what}_{st.session_state.get('_taken', 0)}"


def _taken() -> None:
    st.session_state["_taken"] = st.session_state.get("_taken", 0) + 1


def _ids(files: list[Any]) -> str:
    return " ".join(_mark(file) if isinstance(file, Path) else file.file_id for file in files)


def _mark(place: Path) -> str:
    """What changes when a file on the server does."""
    about = place.stat()
    return f"{place}?{about.st_mtime_ns}?{about.st_size}"


def upload_limit() -> str:
    """How large a file may be, in words."""
    most = st.get_option("server.maxUploadSize")
    return f"A file of more than {most:,} MB? server.maxUploadSize in .streamlit/config.toml raises the limit."


def server_files() -> list[Path]:
    """A file on the server, named by its path: only where the owner of the server allows a folder."""
    if ingest.open_folder() is None:
        return []
    path = st.text_input("Or a path on the server", key=uploader_key("path"), placeholder="labels/week-12.csv", width=420)
    try:
        return [ingest.place(path)] if path.strip() else []
    except ingest.IngestError as error:
        st.error(text(error, 400))
        return []


def proposal(files: list[Any]) -> Proposal:
    """What the files look like; reads them in the background."""
    wanted = st.session_state.get("map_format")

    def work(job: Job) -> Proposal:
        seen = ingest.propose(files)
        return ingest.propose(files, wanted) if wanted in seen.candidates and wanted != seen.format else seen

    key = ("propose", _ids(files), str(wanted))
    return await_job(key, start(key, "Looking at the file", work))


def read_upload(files: list[Any], choice: Choice, undecided: tuple[str, ...] = ()) -> ingest.Found:
    """The labels in the files, by the chosen mapping, without undecided answers; read in the background."""
    options = {"format": choice.format, "mapping": choice.mapping or None, "question": choice.question, "duplicates": choice.duplicates}

    def work(job: Job) -> ingest.Found:
        return ingest.read(files, **options, missing=(*NO_LABEL, *undecided))

    key = ("read", _ids(files), repr(choice), undecided)
    return await_job(key, start(key, "Reading the labels", work))


def undecided_answers(files: list[Any], found: ingest.Found) -> tuple[str, ...]:
    """The answers that a person says are no class, such as "unsure"."""
    return tuple(
        st.multiselect(
            "Answers that are no class",
            [str(name) for name in found.labels.classes],
            key=f"undecided_{hash(_ids(files))}",
            placeholder="Such as “unsure” or “cannot tell”: none so far",
            format_func=lambda name: short(name, 60),
            help="They are left out and counted, as if not given.",
            width=420,
        )
    )


def keep_upload(found: ingest.Found, name: str, earlier: str | None = None) -> None:
    """Save what was read and use it; as the newer version of an earlier dataset, its decisions, gold and contents follow."""
    companions = {"name": name.strip() or "labels", "pred_probs": found.pred_probs, "gold": found.gold, "content": found.content}
    if earlier is None:
        use(dataset=write("add_dataset", found.labels, **companions))
    else:
        use(dataset=write("add_version", earlier, found.labels, **companions))
    _taken()


def remove_dataset(dataset: str) -> None:
    """Forget a dataset with its runs; call it in a callback."""
    try:
        write("remove", dataset)
    except ValueError as error:
        st.session_state["_data"] = str(error)
        return
    st.session_state.pop("dataset", None)
    st.query_params.clear()


def told() -> str:
    """Why the last change was refused; told once."""
    return str(st.session_state.pop("_data", ""))


def images_switch(data: Dataset) -> None:
    """Where contents lead to pictures on other computers: what loading them means, and the switch."""
    found = hosts(data)
    if not found:
        return
    allowed = store().remote_images(data.id)
    where = listed([text(host, 60) for host in found], most=3)
    number = sum(found.values())
    if allowed:
        st.caption(f"{number:,} pictures are loaded from {where}. The host of these images sees your address and which ones you look at.")
    else:
        means = "the host of these images will see your address and which ones you look at"
        st.caption(f"{number:,} pictures lie on {where} and are not loaded: {means}.")
    if may("allow_remote_images"):
        key = f"remote_images_{data.id}"
        st.session_state[key] = allowed
        st.toggle("Load these pictures", key=key, on_change=_allow_images, args=(data.id, key))


def _allow_images(dataset: str, key: str) -> None:
    try:
        write("allow_remote_images", dataset, st.session_state[key])
    except ValueError as error:
        st.session_state["_data"] = str(error)


def add_companion(info: DatasetInfo, what: str, given: Any) -> None:
    """Take in predictions, gold or contents of the dataset in use.

    Predictions without names are shown with three pairs first, since only a person can confirm their order.
    """
    labels = open_dataset(info).labels
    if what == "pred_probs":
        read = [ingest.read_pred_probs(file, labels) for file in given]
        unnamed = [(file.name, pairs) for file, (_, pairs) in zip(given, read, strict=True) if pairs]
        for name, pairs in unnamed:
            st.text(f"{name} has no names. Row by row it would mean:")
            for example, said, probability in pairs:
                st.text(f"· example {example}: {said} at {probability:.2f}")
        if unnamed and not st.button("The order is right", key="confirm_order", type="primary"):
            return
        write("update", info.id, pred_probs=[frame for frame, _ in read])
    elif what == "gold":
        gold = ingest.read_gold(given, labels)
        widened = ingest.with_gold_classes(labels, gold)
        if len(widened.classes) > len(labels.classes):
            raise ingest.IngestError("Gold names classes that nobody gave. Bring it together with the labels, in one upload.")
        write("update", info.id, gold=gold)
    else:
        write("update", info.id, content=ingest.read_content(given, labels))
    _taken()
    st.rerun()
