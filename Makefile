# The front door. Each target is one line here and one script or program behind it;
# `make help` lists them. Settings: QPS, SCENARIO, DURATION, DATA, SECONDS_PER_TARGET, STACK.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SUFFIXES:

QPS ?= 100
SCENARIO ?= normal
DURATION ?= 60
STACK ?= embedded
DATA ?= $(or $(HAYSTAT_DATA),data)
SECONDS_PER_TARGET ?= 60

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: ## install what is missing, build, run the embedded stack with its data in ./data
	@scripts/dev "$(STACK)"

setup: ## install what is needed to build and run
	@scripts/setup build

setup-test: ## install what the tests need as well
	@scripts/setup test

build: ## the program at build/haystat (release)
	@scripts/setup build
	@scripts/build release

debug: ## build/debug/haystat, with kill points
	@scripts/setup build
	@scripts/build debug

test: ## everything that CI runs
	@scripts/setup test
	@scripts/test all

test-unit: ## unit tests, under AddressSanitizer and UBSan
	@scripts/setup test
	@scripts/test unit

test-integration: ## contract tests of every backend, under AddressSanitizer and UBSan
	@scripts/setup test
	@scripts/test contract

test-e2e: ## end-to-end tests on the real program
	@scripts/setup test
	@scripts/test e2e

test-perf: ## end-to-end tests that measure speed and memory; for a quiet machine
	@scripts/setup test
	@scripts/test perf

check: ## format, style, layers, headers, clang-tidy, cppcheck, shellcheck
	@scripts/setup test
	@scripts/check

format: ## rewrite the C files in the project's format
	@scripts/setup test
	@scripts/check-format --fix

asan: ## unit, contract and fuzz replays under AddressSanitizer and UBSan
	@scripts/setup test
	@scripts/test asan

tsan: ## unit and contract tests under ThreadSanitizer
	@scripts/setup test
	@scripts/test tsan

coverage: ## executed lines of src/, as HTML in build/coverage/html
	@scripts/setup test
	@scripts/coverage

fuzz: ## each fuzz target for SECONDS_PER_TARGET=60
	@scripts/setup test
	@scripts/run-fuzz "$(SECONDS_PER_TARGET)"

bench: build ## the benchmarks of bench/
	@scripts/bench

torture: build ## kill points and random kills, resumable
	@scripts/setup test
	@scripts/build debug
	@scripts/torture

simulate: build ## send simulated searches: QPS= SCENARIO= DURATION=
	@build/haystat simulate --data "$(DATA)" --qps "$(QPS)" --scenario "$(SCENARIO)" \
		--duration "$(DURATION)"

seed: build ## a week of simulated history into the running system
	@build/haystat simulate --data "$(DATA)" --backfill 7d

health: build ## is everything up and ready?
	@build/haystat health --data "$(DATA)"

check-metrics: build ## is what was sent what is stored?
	@build/haystat health --data "$(DATA)" --metrics

clean: ## remove build/ (data/ and the cache of downloads stay)
	rm -rf build

.PHONY: help dev setup setup-test build debug test test-unit test-integration test-e2e test-perf check format \
	asan tsan coverage fuzz bench torture simulate seed health check-metrics clean
