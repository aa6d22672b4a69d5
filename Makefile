.DEFAULT_GOAL := help
.PHONY: help run dev build test check soak bench clean
.PHONY: stack-up stack-down stack-verify test-logs test-metrics test-traces

STAMP := node_modules/.installed

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s  %s\n", $$1, $$2 }'

run: build ## Install, build, start the service and say what to try
	@exec node_modules/.bin/node scripts/run.ts

dev: $(STAMP) ## Start the service and restart it on every change
	@exec node_modules/.bin/node scripts/dev.ts

build: $(STAMP) ## Compile src/ to dist/
	@npm run --silent build

test: $(STAMP) ## Install what the tests need, run every check and test
	@scripts/test.sh

check: $(STAMP) ## Format, lint, types, import rules, dead code, contracts
	@npm run --silent check

soak: build ## The long versions of the tests, with their figures
	@npm run --silent soak

bench: build ## Measure; see bench/
	@npm run --silent bench

clean: ## Remove what was built, and the stack's containers; data/, volumes and node_modules/ stay
	rm -rf dist coverage
	@! scripts/stack/compose.sh has-engine || scripts/stack/compose.sh clean

stack-up: ## Start the service and all that watches it in containers; PROFILES="load alerts" for more
	@scripts/stack/compose.sh up

stack-down: ## Stop these containers; what they stored stays in volumes
	@scripts/stack/compose.sh down

stack-verify: $(STAMP) ## Check the stack's files, with installed programs and no containers
	@scripts/stack/verify.sh

test-logs: $(STAMP) ## Make a call and find it in the running stack's Loki
	@node_modules/.bin/node scripts/stack/check.command.ts logs

test-metrics: $(STAMP) ## Make a call and find it in the running stack's Prometheus
	@node_modules/.bin/node scripts/stack/check.command.ts metrics

test-traces: $(STAMP) ## Make a call and find it in the running stack's Tempo
	@node_modules/.bin/node scripts/stack/check.command.ts traces

# Any Node from 20 on installs; everything after runs on the version that package-lock.json pins.
$(STAMP): package-lock.json package.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@
