"""Pictures that lie on other computers: loaded only where the owner of a dataset allows it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from multiannotator_core.ingest.links import image_hosts, image_link
from multiannotator_core.store import Dataset
from pages._jobs import home
from pages._runs import store


def remote_image(dataset: str, column: Any, value: Any) -> bool:
    """Whether a content is the address of a picture that may be loaded; the browser asks its host for it."""
    return image_link(column, value) is not None and store().remote_images(dataset)


def hosts(dataset: Dataset) -> dict[str, int]:
    """The other computers to which the contents' pictures lead, with the number of pictures."""
    return _hosts(home(), dataset.inputs, dataset)


@st.cache_data(max_entries=8, show_spinner=False)
def _hosts(home: str, inputs: str, _dataset: Dataset) -> dict[str, int]:
    return {} if _dataset.content is None else image_hosts(_dataset.content)
