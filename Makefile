# The commands of the README. Each installs what it needs, so a fresh Debian machine is enough.
#
#   make up ARGS='--nodes 5 --dir /srv/dorsal'     ARGS goes to the dorsal command behind the target

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help up down demo test bench release

ARGS ?=
dorsal := build/release/dorsal
jobs := $(shell nproc)
export NINJA_STATUS ?= [%f/%t %es] $()

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up:  ## build, and start a cluster of three MySQL servers with its proxy on this machine
	@scripts/packages build run
	@scripts/mysql fetch
	@$(MAKE) --no-print-directory release
	@$(dorsal) up --detach $(ARGS)

down:  ## stop that cluster and keep its data; ARGS=--destroy removes the data too
	@test -x $(dorsal) || { echo "make down: nothing is built here, so nothing runs from here." >&2; exit 1; }
	@$(dorsal) down $(ARGS)

demo: up  ## write and read at once, with replication a second late: plain splitting against the default
	@scripts/packages demo
	@scripts/demo $(ARGS)

test:  ## build everything and run every test
	@scripts/packages build run test model fuzz
	@scripts/mysql fetch
	@./dev build dev
	@./dev build fuzz
	@./dev ctest dev fuzz

bench:  ## what the proxy costs, beside HAProxy and MySQL Router, on a cluster of its own
	@./dev bench $(ARGS)

# An existing build folder is used as it is: ninja itself runs CMake again when a CMake file changed.
release: build/release/build.ninja
	@cmake --build --preset release --parallel $(jobs) --target dorsal

build/%/build.ninja:
	@cmake --preset $*
