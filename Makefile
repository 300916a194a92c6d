# make run   starts the app in a virtual environment of its own
# make test  lint, types and all tests, the browser's included
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: run test samples clean
run: $(VENV)/app
	$(BIN)/streamlit run app.py

test: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.browser.chromium || $(BIN)/playwright install chromium
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

samples: $(VENV)/app
	$(BIN)/python sample_data/make.py

$(VENV)/app: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev: $(VENV)/app requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV)
