.DEFAULT_GOAL := help
.PHONY: help run dev build test check soak bench clean

STAMP := node_modules/.installed

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

run: build ## Install, build, start the service and say what to try
	@exec node_modules/.bin/node scripts/run.ts

dev: $(STAMP) ## Start the service and restart it on every change
	@exec npm run --silent dev

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

clean: ## Remove what was built; data/ and node_modules/ stay
	rm -rf dist coverage

# Any Node from 20 on installs; everything after runs on the version that package-lock.json pins.
$(STAMP): package-lock.json package.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@
