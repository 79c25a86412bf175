# What can be done here: `make help`. Every target sets itself up first; PYTHON=python3.13 chooses the interpreter.
.DEFAULT_GOAL := help
.PHONY: help setup demo run test test-long check bench clean
MAKEFLAGS += --no-print-directory
export PYTHON
# Tests and the demo start hundreds of short processes: none should compile its imports anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 12

setup: ## fill .venv from uv.lock
	@ops/deploy/setup

demo: setup ## real mail from fixtures/ through the API to delivered; results in var/demo/
	@ops/deploy/system-packages demo
	@.venv/bin/mailstream demo

run: setup ## the service in the foreground, with a fast sandbox; prints its URL and keys; webhooks may go to this machine
	@ops/deploy/system-packages demo
	@MAILSTREAM_WEBHOOK_ALLOW=$${MAILSTREAM_WEBHOOK_ALLOW-localhost,127.0.0.1} .venv/bin/mailstream up

test: setup ## the tests, on real services
	@ops/deploy/system-packages test
	@.venv/bin/pytest -n 2 --dist loadfile -m "not long"

test-long: setup ## the tests that take minutes, and a search for examples that break the others
	@ops/deploy/system-packages test
	@.venv/bin/pytest -m "long or hypothesis" --hypothesis-profile=searching

check: setup ## lint, format, types, imports; all four, whatever the first says
	@failed=0; for tool in "ruff check --quiet" "ruff format --check --quiet" mypy lint-imports; do \
		echo "$$tool"; .venv/bin/$$tool || failed=1; done; exit $$failed

bench: setup ## the measured figures, beside their peers
	@ops/deploy/system-packages bench
	@.venv/bin/python -m ops.bench

clean: ## remove .venv and caches; var/ holds data and stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
