"""The app without a browser."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def navigation_routing(monkeypatch):
    """AppTest forgets before every run what a server learns from its first st.navigation call; this keeps it."""
    original = PagesManager.__init__

    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", init)


@pytest.fixture(autouse=True)
def no_old_caches():
    """Each test starts with empty caches."""
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def app():
    """The app at its first run, with an empty workspace."""
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()


@pytest.fixture
def sample(app):
    """The app with the digits sample open."""
    return app.button(key="load_sample").click().run()
