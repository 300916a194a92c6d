import streamlit as st

import multiannotator_core as mc
from multiannotator_core import export, figures
from multiannotator_core.export.tables import beyond_excel
from multiannotator_core.quality.classes import confused_pairs
from multiannotator_core.quality.exclusions import reasons, sentence
from multiannotator_core.quality.tables import example_metrics, label_table
from pages._audit import excluded, report_button
from pages._compared import audited
from pages._parts import card_title, download, page_title, text
from pages._pseudonyms import hidden, pseudonym_key
from pages._session import ensure_app, require_run

ensure_app()
page_title("What do you want to take away?", "Each file says what it holds; everything is made from the run in use")
now = require_run()
labels, result, data = now.labels, now.result, now.dataset
n = len(labels.examples)
out = excluded(now)
metrics, hard, soft = audited(now).table, export.hard(labels, result, data.gold), export.soft(labels, result)
if len(out):  # a column only where it says something
    hard = hard.assign(excluded=reasons(hard.index, out, "example"))
    metrics = metrics.assign(excluded=reasons(metrics.index, out, "annotator"))
left_out = f"Left out of every file: {sentence(out)}." if len(out) else ""
if left_out:
    st.caption(text(left_out, 2000))


def all_figures():
    confusion = (
        {}
        if result.confusion is None
        else {
            f"Confusion of {name}": figures.confusion_matrix(result.confusion[labels.annotators.get_loc(name)], list(labels.classes))
            for name in metrics.sort_values("quality").index[:20]
        }
    )
    return {
        "Quality of the consensus labels": figures.quality_histogram(result.quality),
        "Annotators by quality (the lowest 60)": figures.annotator_ranking(metrics.sort_values("quality").head(60)),
        "Class balance": figures.class_balance(labels, result),
        "Labels per annotator": figures.labels_per_annotator(labels),
        "Labels per example": figures.labels_per_example(labels),
        "Classes mixed up": figures.confused_classes(confused_pairs(labels, result)),
        **confusion,
    }


grid = st.grid(2, min_column_width=330, gap="small", border=True)
with grid.cell():
    card_title("To train a model: labels", f"One row an example: consensus label, quality, agreement, number of labels; {n:,} rows")
    download(
        "consensus",
        {
            "CSV": ("csv", lambda: export.to_csv(hard)),
            "Parquet": ("parquet", lambda: export.to_parquet(hard)),
            "Excel": ("xlsx", lambda: export.to_excel(hard)),
            "NPY": ("npy", lambda: export.to_npy(result.label)),
        },
        "NPY holds class codes in the order of the examples",
    )
with grid.cell():
    card_title("To train a model: soft labels", f"The posterior of each class; {n:,} rows, {len(labels.classes)} classes")
    download(
        "posterior",
        {
            "CSV": ("csv", lambda: export.to_csv(soft)),
            "Parquet": ("parquet", lambda: export.to_parquet(soft)),
            "NPY": ("npy", lambda: export.to_npy(result.posterior)),
        },
        "Rows sum to 1",
    )
with grid.cell():
    card_title("To look at examples", f"All quality scores of each example; {n:,} rows")
    download(
        "examples",
        {
            "CSV": ("csv", lambda: export.to_csv(hard.join(example_metrics(labels, result, data.pred_probs)))),
            "Parquet": ("parquet", lambda: export.to_parquet(hard.join(example_metrics(labels, result, data.pred_probs)))),
        },
    )
with grid.cell():
    card_title("To check single labels", f"Quality of each label, the least plausible first; {len(labels):,} rows")

    def single():
        return label_table(labels, result, data.pred_probs)

    download(
        "labels",
        {
            "CSV": ("csv", lambda: export.to_csv(single(), index=False)),
            "Parquet": ("parquet", lambda: export.to_parquet(single())),
            **({} if beyond_excel(len(labels), 8) else {"Excel": ("xlsx", lambda: export.to_excel(single(), index=False))}),
        },
    )
with grid.cell():
    card_title("To talk to annotators", f"All numbers of each annotator; {len(metrics):,} rows")
    download(
        "annotators",
        {
            "CSV": ("csv", lambda: export.to_csv(metrics)),
            "Parquet": ("parquet", lambda: export.to_parquet(metrics)),
            "Excel": ("xlsx", lambda: export.to_excel(metrics)),
        },
    )
with grid.cell():
    card_title("To share the labels", f"{len(labels):,} labels with pseudonyms in place of the annotators' names")

    def shared():
        return (labels if hidden() else export.pseudonymous(labels, pseudonym_key(now.info))).to_long()

    download(
        "labels_pseudonymous",
        {"CSV": ("csv", lambda: export.to_csv(shared(), index=False)), "Parquet": ("parquet", lambda: export.to_parquet(shared()))},
    )
    download(
        "pseudonyms_key",
        {"Key": ("csv", lambda: export.to_csv(pseudonym_key(now.info).to_frame()))},
        "Who is who: keep the key apart from the labels. It is the only file with names while they are hidden",
    )
with grid.cell():
    card_title("Back into a labelling tool", "Labels and their consensus as other tools read them; gold and texts where they have them")
    chosen = st.selectbox("Format", list(export.WRITERS), format_func=lambda key: export.WRITERS[key].title, key="out_format", width=320)
    writer = export.WRITERS[chosen]
    outgoing = export.Outgoing(labels, result, data.gold, data.content)
    too_large = writer.too_large(labels)
    if too_large:
        st.info(too_large)
    else:
        download(f"labels_{chosen}", {"Labels and consensus": (writer.ending, lambda: writer.write(outgoing))})
    st.caption(f"What does not come back: {text(writer.loses, 600)}")
with grid.cell():
    card_title(
        "To defend it: the audit report", "Agreement, verdicts with their rule, worst examples, exclusions; one page, offline, printable"
    )
    report_button(now)
    st.caption(
        "Pseudonyms are in it while annotator names are hidden."
        if hidden()
        else "Hide annotator names in the sidebar for one with pseudonyms."
    )
with grid.cell():
    card_title("To show around: figures", "All figures in one page that opens without a network, or as data")
    download(
        "figures",
        {
            "HTML": ("html", lambda: figures.to_html(all_figures(), note=left_out).encode()),
            "JSON": ("json", lambda: figures.to_json(all_figures()).encode()),
        },
    )
with grid.cell(column_span="all"):
    given = {"has_pred_probs": bool(data.models), "n_models": max(len(data.models), 1), "has_gold": data.gold is not None}
    code = export.script(labels, result, name=data.name, **given)
    card_title("To do the same in Python", "The script repeats what is on the screen; the bundle has the files that it reads")
    tables = {
        "consensus.csv": lambda: export.to_csv(hard, guard=False),
        "posterior.csv": lambda: export.to_csv(soft, guard=False),
        "annotators.csv": lambda: export.to_csv(metrics, guard=False),
        **({"exclusions.csv": lambda: export.to_csv(out, index=False, guard=False)} if len(out) else {}),
    }
    download(
        "bundle",
        {
            "Bundle": (
                "zip",
                lambda: export.bundle(
                    labels,
                    result,
                    name=data.name,
                    pred_probs=data.models or None,
                    gold=data.gold,
                    tables={path: make() for path, make in tables.items()},
                ),
            )
        },
    )
    with st.expander("Show the script"):
        st.code(code, language="python")

with st.container(border=True):
    card_title("What went in?")
    options = ", ".join(f"{key} {value}" for key, value in result.options.items()) or "no options"
    st.table(
        {
            "Labels": f"{text(data.name)}, {len(labels):,} labels, fingerprint {labels.fingerprint}",
            "Consensus": f"{now.method}, {text(options, 200)}",
            "Model": f"predicted probabilities of {len(data.models)} model(s)" if data.models else "none",
            "Gold": f"{len(data.gold):,} trusted examples" if data.gold is not None else "none",
            "Excluded": text(sentence(out), 2000),
            "Version": f"Crowdlens {mc.__version__}",
        },
        border="horizontal",
    )
