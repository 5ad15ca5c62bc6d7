# make demo   a training script, killed at random instants and resumed: are both outputs equal?
# make test   all tests, and the summary of the runner
# make attack  every attack on the store, and the table of what was lost (nothing)
# All need Python 3.11, 3.12 or 3.13 and nothing else. PYTHON=/path/to/python chooses another one.

.PHONY: attack demo test test-slow objects lint format docs-check clean
export PYTHON

demo:
	@.ci/environment .venv demo
	@.venv/bin/python -m benchmarks.demo

test:
	@.ci/test

test-slow:
	@.ci/test slow

attack:
	@.ci/environment .venv test
	.venv/bin/python tests/store/attacks.py

# Objects of some forty libraries through a capture; writes the page that lists them. Installs gigabytes.
objects:
	@.ci/environment .venv-objects objects
	.venv-objects/bin/python tests/objects/table.py --write docs/reference/objects.md

lint:
	@.ci/environment .venv lint
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

format:
	@.ci/environment .venv lint
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

docs-check:
	@.ci/environment .venv test
	.venv/bin/pytest -q -p no:randomly tests/architecture/test_documents.py tests/architecture/test_messages.py

clean:
	rm -rf .venv .venv-3.* .venv-objects build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
