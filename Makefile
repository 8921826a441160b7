# Everything a newcomer types. `make demo` and `make test` set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DO_NOT_TRACK := 1
# A hundred short processes would each compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check bench lock clean

$(VENV)/installed: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(VENV)/installed
	$(BIN)/passline demo

# The tests of whole lines, a dozen processes each, run two at a time; all others, which wait half their time,
# three at a time. Whatever fails, both are run.
test: $(VENV)/installed
	$(BIN)/python -m pytest -m "not line" -n 4 --dist worksteal; others=$$?; \
	$(BIN)/python -m pytest -m line -n 2 --dist loadfile $$(grep -rl --include='test_*.py' 'mark\.line' tests) && exit $$others

check: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --doctest-modules flows stations devices handoff_logs

# The questions are asked of ten million unit rows; `make bench UNITS=40000000` of forty. 10 GB of disk per ten million.
UNITS ?= 10000000
bench: $(VENV)/installed
	$(BIN)/python -m benchmarks --units $(UNITS)

# The pinned, hashed list of everything, the build backend included. Written anew only on purpose.
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet --disable-pip-version-check pip-tools
	$(VENV)-lock/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --strip-extras --allow-unsafe \
		--extra dev --all-build-deps --output-file constraints.txt pyproject.toml
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) .passline
