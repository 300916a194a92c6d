"""Crowdlens in the browser: `streamlit run app.py`."""

from pathlib import Path

import streamlit as st

from pages._session import page_list, run_page

st.set_page_config(page_title="Crowdlens", page_icon=":material/groups:", layout="wide")
st.logo(Path(__file__).parent / "pages" / "logo.svg", size="large")
run_page(st.navigation(page_list(), expanded=True))
