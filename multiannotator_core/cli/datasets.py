"""The data sets at hand: samples, and public sets that are brought into the workspace of the app."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import click
import pandas as pd

from ..download import LARGEST, download, is_address
from ..ingest import read
from ..labels import CrowdLabels
from ..reference_sets import REFERENCE_SETS, check_unchanged, fingerprints, record, verify
from ..samples import SAMPLES
from .inputs import SAMPLE
from .output import Progress, deliver_table, kind_of, out_options, refuse_existing

RAW_CIFAR = "cifar10h-raw.csv"
MEGABYTE = 2**20


@click.group("datasets")
def datasets_group() -> None:
    """The data sets at hand: samples, and public sets that are brought into the workspace.

    Example: crowdlens datasets list
    """


@datasets_group.command("list")
@out_options
def list_command(output: Path | None, kind: str | None, force: bool) -> None:
    """Name the samples and the public sets, with home page, licence and published size.

    Example: crowdlens datasets list --as json
    """
    refuse_existing(force, output)
    samples = [{"name": f"{SAMPLE}{name}", "title": sample.title, "licence": "comes with Crowdlens"} for name, sample in SAMPLES.items()]
    public = [{"name": name, **vars(known), "files": " ".join(known.files)} for name, known in REFERENCE_SETS.items()]
    table = pd.DataFrame([*samples, *public])
    counts = [column for column in table if column.startswith("n_")]
    deliver_table(table.astype(dict.fromkeys(counts, "Int64")), output, kind_of(output, kind), force)


@datasets_group.command("install")
@click.argument("name", type=click.Choice(list(REFERENCE_SETS)))
@click.option("--from", "sources", multiple=True, required=True, metavar="FOLDER_OR_URL", help="Where it is; may be repeated for files.")
@click.option("--max-mb", type=click.IntRange(min=1), default=LARGEST // MEGABYTE, show_default=True, help="Most to download of a file.")
@click.option("--force", is_flag=True, help="Take files whose SHA-256 has changed since the first install.")
def install_command(name: str, sources: tuple[str, ...], max_mb: int, force: bool) -> None:
    """Bring a public set into the workspace of the app, after its counts were compared with the published ones.

    A download that breaks off is continued by the next call. The SHA-256 of the files is kept at the first install, and compared at
    every later one. An address that ends in "/" is a folder with the files that `datasets list` names.

    Example: crowdlens datasets install bluebirds --from downloads/bluebirds

    Example: crowdlens datasets install dog --from https://example.org/dog/
    """
    from ..store import Store, default_home  # needs SQLAlchemy, which only the app has

    home = Path(os.environ.get("CROWDLENS_HOME") or default_home())
    kept = home / "downloads" / name
    files = [file for source in sources for file in _files(name, source, kept, max_mb * MEGABYTE)]
    try:
        found = fingerprints(files)
        if not force:
            check_unchanged(name, found, home)
        labels, gold = _read_set(name, files)
        verify(name, labels, gold)
    finally:  # what is not wanted must not lie there as if it had been checked
        for file in files:
            if file.parent == kept:
                file.unlink()
    home.mkdir(parents=True, exist_ok=True)
    with Store(os.environ.get("CROWDLENS_DATABASE_URL") or str(home / "crowdlens.db")) as store:
        store.add_dataset(labels, name=name, gold=gold)
    record(name, found, home)
    click.echo(f"{REFERENCE_SETS[name].title}: {len(labels):,} labels of {len(labels.examples):,} examples are in the workspace.")


def _files(name: str, source: str, kept: Path, largest: int) -> list[Path]:
    """The files of a folder, a file itself, or those of an address, downloaded to `kept`.

    Raises:
        ValueError: there is no such file, or an address cannot be used.
    """
    if is_address(source):
        wanted = [f"{source}{file}" for file in REFERENCE_SETS[name].files] if source.endswith("/") else [source]
        return [_downloaded(url, kept, largest) for url in wanted]
    path = Path(source)
    if not path.is_dir():
        if not path.is_file():
            raise ValueError(f"{path}: there is no such file or folder.")
        return [path]
    for names in (REFERENCE_SETS[name].files, ("answers.csv", "truth.csv")):
        if all((path / file).is_file() for file in names):
            return [path / file for file in names]
    return sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))


def _downloaded(url: str, kept: Path, largest: int) -> Path:
    with Progress("kB") as progress:

        def tell(done: int, total: int) -> None:
            progress.total = total // 1024
            progress(done // 1024)

        return download(url, kept, largest=largest, on_progress=tell)


def _read_set(name: str, files: Sequence[Path]) -> tuple[CrowdLabels, pd.Series | None]:
    """The labels and the gold in files of any format that is read."""
    if name == "cifar10h":
        from ..benchmark.quality import cifar10h  # needs scikit-learn

        return cifar10h(_raw_cifar(files))
    found = read([str(file) for file in files] if len(files) > 1 else files[0])
    return found.labels, found.gold


def _raw_cifar(files: Sequence[Path]) -> pd.DataFrame:
    """The table of single labels, as a file or in the zip in which it is published.

    Raises:
        ValueError: it is not there.
    """
    for file in files:
        if file.name == RAW_CIFAR:
            return pd.read_csv(file)
        if file.suffix == ".zip":
            try:
                with ZipFile(file) as archive:
                    if archive.getinfo(RAW_CIFAR).file_size > LARGEST:
                        raise ValueError(f"{RAW_CIFAR} in {file.name} claims more than {LARGEST:,} bytes, which no such table has.")
                    with archive.open(RAW_CIFAR) as inside:
                        return pd.read_csv(inside)
            except (BadZipFile, KeyError):
                continue
    raise ValueError(
        f"There is no {RAW_CIFAR} in {', '.join(file.name for file in files) or 'this folder'}; it comes in a zip of that name."
    )
