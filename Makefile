# Every habit has a target. Where make is missing, the go commands below do the same.

.DEFAULT_GOAL := help
.NOTPARALLEL:

# A checkout that belongs to somebody else, as in a container, can not be asked for its revision.
export GOFLAGS += -buildvcs=false

SERVICES := go run ./internal/testkit/withservices
TOOL     := go tool -modfile=tools/go.mod

.PHONY: help
help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

.PHONY: build
build: ## build bin/convene
	@go build -o bin/convene ./cmd/convene

.PHONY: run
run: build ## start Convene on a private PostgreSQL and Redis, with demo data
	@exec bin/convene

.PHONY: test
test: ## run all tests on one throw-away PostgreSQL and Redis
	@$(SERVICES) go test ./...

.PHONY: race
race: ## the same with the race detector, which needs gcc; short, which leaves out the making of a slice
	@$(SERVICES) go test -race -short ./...

.PHONY: bench
bench: ## measure what the README promises
	@go run ./internal/bench

.PHONY: conformance
conformance: build ## hold the transports to their protocols with the official clients, and run the example client; needs Node
	@npm --prefix tools/conformance ci --silent --no-audit --no-fund
	@npm --prefix docs/examples/client ci --silent --no-audit --no-fund
	@$(SERVICES) node tools/conformance/main.js

.PHONY: chaos
chaos: ## break everything around two nodes, and hold what clients got to PostgreSQL; about three minutes
	@go run ./internal/chaos

.PHONY: drill
drill: ## name=…  rehearse an upgrade from the commit before, or a restore, on throw-away services
	@test -n "$(name)" || { echo "Name it: make drill name=upgrade, or make drill name=restore"; exit 2; }
	@go run ./internal/drill "$(name)"

.PHONY: image
image: ## build the image convene, with Docker
	@docker build --build-arg VERSION="$$(git describe --tags --always --dirty)" --tag convene .

.PHONY: check
check: tidy verify vet lint race ## all that a change has to pass

.PHONY: generate
generate: ## generate ent, the GraphQL edge, the printed schema and the catalogue of facts
	@go generate ./ent
	@go generate ./graph/gqlgen ./graph/printschema ./graph/printfacts ./internal/config

# What generating may touch. Compared by checksum, so that it also works beside changes not yet committed.
GENERATED := ent graph docs/facts.md docs/settings.md go.mod go.sum

.PHONY: verify
verify: ## generate, and fail if that changed anything
	@state=$$(mktemp -d) && trap 'rm -rf "$$state"' EXIT && \
	find $(GENERATED) -type f -exec cksum {} + | sort -k 3 > "$$state/before" && \
	$(MAKE) --no-print-directory generate && \
	find $(GENERATED) -type f -exec cksum {} + | sort -k 3 > "$$state/after" && \
	if ! diff "$$state/before" "$$state/after" > "$$state/diff"; then \
		echo "Generated code was not in step with its sources; it is now:"; \
		awk '/^[<>]/{print "  " $$4}' "$$state/diff" | sort -u; exit 1; \
	fi

.PHONY: tidy
tidy: ## fail if go.mod lists other modules than the code needs
	@go mod tidy -diff

.PHONY: vet
vet: ## go vet
	@go vet ./...

.PHONY: lint
lint: ## golangci-lint, with gofumpt for the format
	@$(TOOL) golangci-lint run ./...

.PHONY: format
format: ## rewrite the code as gofumpt wants it
	@$(TOOL) gofumpt -w .

.PHONY: migration
migration: ## name=…  begin a migration that brings the database to ent/schema
	@test -n "$(name)" || { echo "Name it: make migration name=add_circles"; exit 2; }
	@go run ./cmd/convene migrate new "$(name)"

.PHONY: slice
slice: ## name=…  begin a slice: package, schema, resolvers, tests
	@test -n "$(name)" || { echo "Name it: make slice name=circle"; exit 2; }
	@go run ./internal/slicegen "$(name)"

.PHONY: reset
reset: build ## throw the private database away and start afresh
	@bin/convene reset

.PHONY: psql
psql: build ## open psql on the private database
	@exec bin/convene psql
