# `make` alone prints this list: it is generated from the comments behind the targets.
PYTHON ?= python3
BIN := .venv/bin
# Two workers, a file on one of them: calls that a file rings once are looked at by all its tests.
WORKERS ?= 2

.PHONY: help run test check format setup setup-dev lock docs clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## set everything up if need be and start STELLA on port 3001 (Ctrl-C stops it)
	@exec $(BIN)/stella dev

test: setup-dev ## set everything up if need be and run every check and test (what CI runs)
	@echo "[1/5] lint" && $(BIN)/ruff check .
	@echo "[2/5] format" && $(BIN)/ruff format --check .
	@echo "[3/5] types" && $(BIN)/mypy
	@echo "[4/5] floors" && $(BIN)/lint-imports
	@echo "[5/5] tests" && $(BIN)/pytest -n $(WORKERS) --dist loadfile

check: setup-dev ## before a commit, in under a minute: lint, types, floors and the fast tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q -n $(WORKERS) -m "not slow and not speech"

format: setup-dev ## format the code and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

setup: ## virtual environment, pinned packages and speech models, without starting anything
	@$(PYTHON) tools/setup.py

setup-dev: ## the same with the tools for tests
	@$(PYTHON) tools/setup.py --dev

lock: setup-dev ## pin the newest allowed versions anew (see CONTRIBUTING.md)
	@$(BIN)/python tools/lock.py

docs: setup-dev ## write the generated pages anew, check links, commands, glossary and decisions
	@$(BIN)/python tools/settings_page.py
	@$(BIN)/python tools/agent_file_page.py
	@$(BIN)/python tools/reference_pages.py
	@$(BIN)/python tools/findings_page.py
	@$(BIN)/python docs/draw_policy.py > docs/reference/policy.md
	@$(BIN)/python docs/draw_phases.py > docs/why/phases.md
	@$(BIN)/pytest -q tests/test_house_rules.py

clean: ## remove the virtual environment and caches; data/ with your calls stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
