"""Crowdlens in the browser: `streamlit run app.py`."""

from pages._session import navigation, run_page

run_page(navigation())
