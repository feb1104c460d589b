# SPDX-License-Identifier: Apache-2.0
# The front door. `make demo` tells a story, `make test` runs every test; both install what they need (tools/setup.sh).
# The build itself is CMake's: CMakePresets.json has the configurations.
PROMPT ?= Once upon a time, there was a little fox who
TOKENS ?= 400
PREFIX ?= /usr/local
HEDDLE := build/release/bin/heddle

.PHONY: all build demo test quick-test fuzz install clean help
all: build

help:
	@echo 'make demo         install what is missing, build, and let the bundled model write a story (PROMPT=..., TOKENS=...)'
	@echo 'make test         install what is missing, then every test: release, sanitizers, clang, comparisons with PyTorch'
	@echo 'make quick-test   the release build and its tests only'
	@echo 'make build        build/release/bin/heddle and the libraries; CUDA=ON or OFF decides about NVIDIA (else: where nvcc and a card are)'
	@echo 'make install      into PREFIX ($(PREFIX)); DESTDIR is respected'
	@echo 'make fuzz         every parser under libFuzzer, SECONDS (600) each'
	@echo 'make clean        remove build/'

build:
	@tools/setup.sh build
	@mkdir -p build
	@cmake --preset release -DHEDDLE_TESTS=OFF $(if $(CUDA),-DHEDDLE_CUDA=$(CUDA)) >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release

demo: build
	@echo
	@$(HEDDLE) run -p "$(PROMPT)" -n $(TOKENS)

test:
	@tools/setup.sh test
	@python3 tools/test.py

quick-test:
	@tools/setup.sh test --no-python
	@python3 tools/test.py release

fuzz:
	@tools/fuzz.sh $(or $(SECONDS),600)

install: build
	@cmake --install build/release --prefix "$(PREFIX)"

clean:
	rm -rf build
