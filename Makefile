# The commands a newcomer types. `make` lists them.

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= python3
STAMP  := $(VENV)/.installed

export MLFLOW_DISABLE_TELEMETRY := true
export HF_HUB_DISABLE_TELEMETRY := 1
export ORT_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.PHONY: help install quickstart showcase test test-slow test-label-studio test-browser bench builtin builtin-small lint ui lock data clean

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(STAMP)  ## make .venv with the locked dependencies

# A folder may be what was left when venv failed: one without pip is made whole.
$(STAMP): requirements.lock pyproject.toml
	@test -f $(VENV)/pyvenv.cfg && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) || (echo "python 3.11 or newer with venv is needed; set PYTHON=/path/to/python3" && exit 1)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || (echo "pactag needs Python 3.11 or newer; set PYTHON=/path/to/python3 and remove $(VENV)" && exit 1)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)

quickstart: install  ## train configs/quick.yaml and tag an example article
	$(BIN)/pactag train configs/quick.yaml
	$(BIN)/pactag tag data/examples/*.txt --model latest
	@echo "Compare runs in the browser: make ui"

test: install  ## run the tests, offline
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-label-studio: install  ## the round trip through a real Label Studio, in an environment of its own (some 800 MB, minutes)
	@test -x .venv-label-studio/bin/label-studio || { $(PYTHON) -m venv .venv-label-studio && \
		VIRTUAL_ENV=$(abspath .venv-label-studio) $(BIN)/uv pip install --quiet 'label-studio==1.23.*'; }
	LABEL_STUDIO=$(abspath .venv-label-studio/bin/label-studio) HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n0 -m label_studio tests/label_studio

test-slow: install  ## run the tests that start servers, Ray and Spark
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n0 -m slow

bench: install  ## measure speed and lightness: make bench MODEL=FOLDER SENTENCES=labelled.jsonl (exported into itself)
	$(BIN)/python benchmarks/tagging.py --model $(MODEL) --sentences $(SENTENCES)
	$(BIN)/python benchmarks/light.py $(MODEL) --torch $(MODEL)

builtin: install  ## put a model into the package, for Tagger.load(): make builtin MODEL=FOLDER
	$(BIN)/pactag export $(MODEL) --only packed --vocabulary data/corpus --output src/pactag/builtin --replace

builtin-small: install  ## the same for the small one, Tagger.load("built-in-small")
	$(BIN)/pactag export $(MODEL) --only int8 --output src/pactag/builtin_small --replace

test-browser: install  ## drive the pages of pactag in a real Chromium (the system's, CHROMIUM=/path, or one that playwright fetches)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet 'playwright>=1.50'
	@test -n "$$CHROMIUM" || command -v chromium chromium-browser google-chrome >/dev/null || $(BIN)/playwright install chromium
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n0 -m browser tests/browser

lint: install  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

ui: install  ## open the MLflow UI on the runs
	$(BIN)/pactag ui

# A store and a small corpus of their own, so that no champion of yours moves and two cores suffice.
SHOWCASE := experiments/showcase
SHOW  = MLFLOW_TRACKING_URI=sqlite:///$(SHOWCASE)/mlflow.db $(BIN)/pactag
SMALL = --set data.corpus=$(SHOWCASE)/corpus --set output=$(SHOWCASE)/runs

showcase: install  ## a store to look at: six runs of three families, a sweep of twelve trials, a champion; on few articles
	@test ! -e $(SHOWCASE) || { echo "$(SHOWCASE) is there already. Look at it: $(SHOW) ui; or remove it first"; exit 1; }
	mkdir -p $(SHOWCASE)/corpus
	head -n 1600 data/corpus/train.jsonl > $(SHOWCASE)/corpus/train.jsonl
	head -n 600 data/corpus/validation.jsonl > $(SHOWCASE)/corpus/validation.jsonl
	head -n 600 data/corpus/test.jsonl > $(SHOWCASE)/corpus/test.jsonl
	$(SHOW) train configs/tfidf.yaml $(SMALL)
	$(SHOW) promote latest
	$(SHOW) train configs/tfidf.yaml $(SMALL) --set name=tfidf-c1 --set model.c=1.0
	$(SHOW) train configs/frozen.yaml $(SMALL)
	$(SHOW) train configs/frozen.yaml $(SMALL) --set name=frozen-c1 --set model.c=1.0
	$(SHOW) sweep configs/sweeps/quick.yaml $(SMALL) --set data.train_share=0.4 --storage sqlite:///$(SHOWCASE)/sweep.db
	$(SHOW) train configs/quick.yaml $(SMALL) --set data.train_share=1.0 --set name=quick-5e-5 --set training.learning_rate=5e-5
	$(SHOW) train configs/quick.yaml $(SMALL) --set data.train_share=1.0
	$(SHOW) promote latest
	$(SHOW) compare models:/pactag@previous models:/pactag@champion --html $(SHOWCASE)/comparison.html
	@echo "Look at it: $(SHOW) ui"

data: install  ## build data/corpus from articles and annotations, and check it
	$(BIN)/pactag data build
	$(BIN)/pactag data check

lock: install  ## pin every dependency again, with hashes and without index addresses
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --all-extras --group dev --python-version 3.11 \
		--custom-compile-command 'make lock' pyproject.toml -o requirements.lock

clean:  ## remove the environment and caches (runs are kept)
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache
