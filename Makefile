# make run     a registry on 127.0.0.1:5000 over ./var (HOST=, PORT=, DATA= choose others)
# make check   lint, types, unit tests, audit of the dependencies: under a minute
# make test    all there is, real servers and clients included (installs them, Debian's packages as root)
# make bench   objreg and the CNCF registry side by side
# make docs    the pages that are made from docstrings

HOST ?= 127.0.0.1
PORT ?= 5000
DATA ?= var
VENV ?= .venv
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
    $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))) none)

BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run check test bench docs constraints clean

run: $(VENV)/.run
	@DATA='$(DATA)' $(BIN)/objreg serve paste.ini --host '$(HOST)' --port '$(PORT)'

check: $(VENV)/.test
	@# the audit waits for the package index, so it runs beside the rest
	$(BIN)/python -m tests.audit & audit=$$!; \
	$(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/pytest -q -n auto -m 'not exhaustive' tests/unit && wait $$audit

test: check
	$(BIN)/pytest -q -n auto -m exhaustive tests/unit
	tests/install.sh
	@# compiled with what that has just installed
	$(PIP) --editable .[ldap]
	tests/install-go.sh
	tests/install-npm.sh
	$(BIN)/pytest -n auto --dist loadgroup --timeout 900 --durations 40 tests/functional

bench: $(VENV)/.test
	tests/install.sh
	$(BIN)/python -m benchmarks.calls
	$(BIN)/python -m benchmarks.drivers
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.tokens

docs: $(VENV)/.test
	$(BIN)/python -m objreg.manual > docs/configuration.md

# the newest of everything, in an environment of its own; python-ldap is compiled (libldap-dev, libsasl2-dev)
constraints:
	rm -rf $(VENV)-new
	$(PYTHON) -m venv $(VENV)-new
	$(VENV)-new/bin/pip install --quiet .[testing,all,ldap] -r requirements-test.txt
	$(VENV)-new/bin/pip freeze --exclude objreg > constraints.txt
	rm -rf $(VENV)-new

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c '' 2>/dev/null || { echo 'objreg needs Python 3.11 or newer: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo 'Python has no venv: apt-get install python3-venv'; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: setup.py constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements-test.txt
	$(PIP) --editable .[testing,all] --requirement requirements-test.txt
	@touch $@
