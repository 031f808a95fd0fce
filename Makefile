# make demo, make test: each sets up what it needs in .venv, once. Python 3.11 or newer is all you need to have.
# make PYTHON=/path/to/python demo    to choose the interpreter

VENV := .venv
BIN  := $(VENV)/bin
CANDIDATES := $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python
DEMO := --arch eyeriss --layer resnet18:layer1.0.conv1 --mapping examples/resnet18-on-eyeriss/mapping.yaml
SPACE := examples/first-study/space.yaml
PYTEST_ARGS ?= -n auto --maxprocesses 4

.PHONY: demo test lint docs format clean
.DELETE_ON_ERROR:

demo: $(VENV)/.core
	$(BIN)/archloom evaluate $(DEMO)
	@echo
	$(BIN)/archloom explore $(SPACE) --force

test: $(VENV)/.dev
	$(BIN)/pytest $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) site build dist

# An environment that is there already, and works, is kept.
$(VENV)/.python:
	@new='import sys; sys.exit(sys.version_info < (3, 11))'; \
	if $(BIN)/python -c "$$new" >/dev/null 2>&1; then touch $@; exit 0; fi; \
	found=; for python in $(CANDIDATES); do \
	  if "$$python" -c "$$new" >/dev/null 2>&1; then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "archloom needs Python 3.11 or newer, and none of these is one: $(CANDIDATES)" >&2; \
	  echo "Install it, or name yours: make PYTHON=/path/to/python demo" >&2; exit 2; \
	fi; \
	echo "Setting up $(VENV) with $$("$$found" --version) ..."; \
	"$$found" -m venv --clear $(VENV) && touch $@ || \
	  { echo "Could not make $(VENV); on Debian and Ubuntu: apt install python3-venv" >&2; rm -rf $(VENV); exit 2; }

$(VENV)/.core: $(VENV)/.python pyproject.toml
	@echo "Installing archloom into $(VENV) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[explore]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml
	@echo "Installing archloom and its test tools into $(VENV) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.core
