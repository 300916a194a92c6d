from pathlib import PurePath

import streamlit as st

from multiannotator_core import ingest
from multiannotator_core.store import changed_examples
from pages._parts import MAPPED, card_title, mapping_widgets, page_title, shown, text
from pages._people import may
from pages._pseudonyms import hidden, seen_dataset
from pages._runs import open_dataset
from pages._session import current_info, ensure_app, sample_button
from pages._uploads import (
    add_companion,
    images_switch,
    keep_upload,
    proposal,
    read_upload,
    remove_dataset,
    server_files,
    told,
    undecided_answers,
    upload_limit,
    uploader_key,
)

ensure_app()
page_title("Which labels do you want to check?", "Everything stays on this computer. A file is read, never run")

files = []
if may("add_dataset"):
    with st.container(border=True):
        card_title(
            "Bring the labels",
            "One row for each label, one column for each annotator, or an export of a labelling tool; several files at once merge",
        )
        left, right = st.columns([3, 1], vertical_alignment="center")
        files = left.file_uploader(
            "Files with labels", accept_multiple_files=True, key=uploader_key("labels"), label_visibility="collapsed"
        )
        left.caption(upload_limit())
        files = files or server_files()
        with right:
            sample_button()
            sample_button("tutorial", "The tutorial sample", kind="tertiary")
if told_why := told():
    st.error(text(told_why, 400))

if files:
    try:
        seen = proposal(files)
        with st.container(border=True):
            card_title("What was understood?", f"Read as {text(seen.title, 60)}: {text(seen.why, 200)}")
            choice = mapping_widgets(seen)
            if hidden():
                st.caption("The first rows are not shown here while names are hidden.")
            elif len(seen.preview):
                st.dataframe(
                    seen.preview.head(8), hide_index=True, row_height=34, key="preview", alt="The first rows as they stand in the file"
                )
            missing = [MAPPED[what] for what in ("example", "annotator", "label") if what in seen.mapping and not choice.mapping.get(what)]
            if missing:
                none = " Is there none? Then bring one file for each annotator: its name tells who." if "annotator" in missing else ""
                st.info(f"Say which column holds the {' and the '.join(missing)}.{none}")
            else:
                found = read_upload(files, choice)
                if undecided := undecided_answers(files, found):
                    found = read_upload(files, choice, undecided)
                labels = found.labels
                with st.grid(4, min_column_width=180, gap="small"):
                    st.metric("Labels", f"{len(labels):,}", border=True)
                    st.metric("Examples", f"{len(labels.examples):,}", border=True)
                    st.metric("Annotators", f"{len(labels.annotators):,}", border=True)
                    st.metric("Classes", f"{len(labels.classes):,}", border=True)
                oddities = found.report.oddities if hidden() else ()  # these may name annotators
                with st.container(gap="xxsmall"):
                    for sentence in (said for said in found.report.sentences()[1:] if said not in oddities):
                        st.text(f"· {sentence}")
                earlier = current_info()
                newer = earlier is not None and st.toggle(
                    f"This is a newer file of {text(earlier.name, 40)}: decisions and gold follow by example name", key="newer_file"
                )
                if newer:
                    changes = changed_examples(open_dataset(earlier).labels, labels)["change"].value_counts()
                    counted = ", ".join(f"{changes.get(kind, 0):,} {kind}" for kind in ("added", "changed", "removed"))
                    st.text(f"· Examples against {earlier.name}: {counted}.")
                with st.container(horizontal=True, vertical_alignment="bottom"):
                    name = st.text_input("Name of the dataset", PurePath(seen.files[0]).stem, width=320)
                    if st.button("Use these labels", type="primary", icon=":material/check:"):
                        keep_upload(found, name, earlier.id if newer else None)
                        st.switch_page("pages/overview.py")
    except ValueError as error:
        st.error(text(error, 2000))

info = current_info()
if info is None:
    st.stop()
data = seen_dataset(info)
labels = data.labels
st.subheader("In use", anchor=False)
grid = st.grid(3, min_column_width=300, gap="small", border=True)
with grid.cell(column_span="all"):
    card_title(
        text(data.name, 60),
        f"{len(labels):,} labels of {len(labels.examples):,} examples by {len(labels.annotators):,} annotators; "
        f"classes: {text(', '.join(shown(labels.classes[:12])), 200)}",
    )
    st.dataframe(
        labels.to_long().head(100).astype({"example": str, "annotator": str, "label": str}),
        hide_index=True,
        height=34 * 6,
        row_height=34,
        key="first_rows",
        alt="The first labels",
    )
    if may("remove"):
        st.button(
            "Remove this dataset", type="tertiary", icon=":material/delete:", on_click=remove_dataset, args=(data.id,), key="remove_dataset"
        )

COMPANIONS = {
    "pred_probs": (
        "What does a model say?",
        "CSV or Parquet with the example and one column a class, or NPY in the order of the examples; several files are an ensemble",
        data.pred_probs,
    ),
    "gold": ("Which labels are known?", "CSV with the example and its trusted class", data.gold),
    "content": ("What do examples look like?", "A table with texts, or a zip with one image for each example", data.content),
}
for what, (question, caption, present) in COMPANIONS.items():
    with grid.cell():
        card_title(question, caption)
        if present is not None:
            models = f", {len(data.models)} models" if what == "pred_probs" and len(data.models) > 1 else ""
            st.markdown(f":green-badge[:material/check: there] for {len(present):,} examples{models}")
        if what == "content":
            images_switch(data)
        if not may("update"):
            continue
        given = st.file_uploader(question, accept_multiple_files=what != "gold", key=uploader_key(what), label_visibility="collapsed")
        if given:
            try:
                add_companion(info, what, given)
            except ingest.IngestError as error:
                st.error(text(error, 2000))
