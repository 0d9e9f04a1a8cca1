# mcpinit: `make help` lists the targets; README.md says what the two commands are.
SHELL := /bin/bash

VERSION := 0.1.0
PREFIX  ?= /usr/local
BUILD   ?= build
CC      ?= cc
CFLAGS  ?= -O2 -g

PKG_CONFIG ?= pkg-config
DEPS_CURL  := libcurl
DEPS_JSON  := libcjson
DEPS_INI   := inih
DEPS_HASH  := libcrypto
PKGS       := $(DEPS_CURL) $(DEPS_JSON) $(DEPS_INI) $(DEPS_HASH)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wformat=2 \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wwrite-strings \
	-Wimplicit-fallthrough -Wswitch -Wnull-dereference
IS_GCC := $(shell $(CC) --version 2>/dev/null | head -n 1 | grep -qi clang || echo yes)
ifeq ($(IS_GCC),yes)
WARN += -Wlogical-op -Wduplicated-cond
endif
ifdef CI
WARN += -Werror
endif

probe = $(shell echo 'int main(void){return 0;}' | $(CC) $(1) -x c - -o /dev/null 2>/dev/null && echo '$(1)')
HARDEN_C  := -fstack-protector-strong -fstack-clash-protection -fPIE \
	     $(call probe,-fcf-protection) $(call probe,-ftrivial-auto-var-init=zero)
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack

# One build mode, one folder: MODE is set by the targets below, never by hand.
MODE ?=
ifeq ($(MODE),asan)
OUT := $(BUILD)/asan
MODE_C := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
MODE_LD := -fsanitize=address,undefined
HARDEN_C :=
HARDEN_LD :=
else ifeq ($(MODE),fuzz)
OUT := $(BUILD)/fuzz
MODE_C := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
MODE_LD := -fsanitize=address,undefined
HARDEN_C :=
HARDEN_LD :=
else ifeq ($(MODE),cov)
OUT := $(BUILD)/cov
MODE_C := -O0 -g --coverage
MODE_LD := --coverage
HARDEN_C :=
else
OUT := $(BUILD)
MODE_C := -D_FORTIFY_SOURCE=3
MODE_LD :=
endif

CPPFLAGS_ALL := -I. -D_GNU_SOURCE -DMCPINIT_VERSION='"$(VERSION)"' $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
CFLAGS_ALL   := -std=gnu17 $(CFLAGS) $(MODE_C) $(WARN) $(HARDEN_C)
LDFLAGS_ALL  := $(MODE_LD) $(HARDEN_LD) -Wl,--as-needed $(LDFLAGS)
LIBS         := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
CHECK_LIBS   := $(shell $(PKG_CONFIG) --libs check 2>/dev/null)

# Sources by pattern: a new file is built without a line here.
LIB_DIRS := base conf docker stdio health
LIB_SRC  := $(foreach d,$(LIB_DIRS),$(wildcard $(d)/*.c))
SUP_SRC  := $(filter-out supervisor/main.c,$(wildcard supervisor/*.c))
CTL_SRC  := $(filter-out mcpctl/main.c,$(wildcard mcpctl/*.c))
DOC_SRC  := $(filter-out mcpctl/doctor/main.c,$(wildcard mcpctl/doctor/*.c))
obj = $(patsubst %.c,$(OUT)/obj/%.o,$(1))

.PHONY: all programs deps demo test unit replay integration lint tables asan fuzz soak kills pid1 conformance bench format install image clean help
all: programs ## mcpinit, mcpctl and mcpctl-doctor
	@echo "built $(OUT)/mcpinit, $(OUT)/mcpctl and $(OUT)/mcpctl-doctor; next: make demo, or make test"

programs: $(OUT)/mcpinit $(OUT)/mcpctl $(OUT)/mcpctl-doctor

$(OUT)/mcpinit: $(call obj,supervisor/main.c $(SUP_SRC) $(LIB_SRC))
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# Without libcurl: loading it alone costs ten times what `mcpctl status` takes.
$(OUT)/mcpctl: $(call obj,mcpctl/main.c $(CTL_SRC) $(filter-out base/http%,$(wildcard base/*.c)))
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# What `mcpctl doctor` runs: the engine's client and so libcurl are for this one alone.
$(OUT)/mcpctl-doctor: $(call obj,mcpctl/doctor/main.c $(DOC_SRC) $(foreach d,base conf docker,$(wildcard $(d)/*.c)))
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# --- unit tests: one suite per source file, collected by name -------------------------------------
# AREA="conf stdio" tests only those folders (with base): for work on one floor.
AREA ?=
ifneq ($(AREA),)
UNIT_SRC  := $(foreach a,$(sort base $(AREA)),$(wildcard tests/unit/test_$(a)_*.c))
UNIT_LIB  := $(sort $(wildcard base/*.c) $(foreach a,$(AREA),$(filter-out %/main.c,$(wildcard $(a)/*.c $(a)/*/*.c))))
UNIT_NAME := unit-$(subst $() ,-,$(AREA))
else
UNIT_SRC  := $(wildcard tests/unit/test_*.c)
UNIT_LIB  := $(LIB_SRC) $(SUP_SRC) $(CTL_SRC) $(DOC_SRC)
UNIT_NAME := unit-all
endif
# What stands in front of supervisor/launch.c: tests/unit/scripted_launch.h.
ifneq ($(filter supervisor/%,$(UNIT_LIB)),)
UNIT_EXTRA := tests/unit/scripted_launch.c
UNIT_WRAP  := $(foreach f,getrandom $(addprefix launch_,new go stop kill free event via id \
	      is_installing first_error),-Wl,--wrap=$(f))
endif
UNIT_SUITES := $(patsubst tests/unit/test_%.c,%,$(UNIT_SRC))
UNIT_DIR    := $(OUT)/$(UNIT_NAME)

$(UNIT_DIR)/suites.h: $(UNIT_SRC) Makefile
	@mkdir -p $(@D)
	@{ for s in $(UNIT_SUITES); do echo "SUITE($$s)"; done; } > $@

$(UNIT_DIR)/runner.o: tests/unit/runner.c $(UNIT_DIR)/suites.h
	$(CC) $(CPPFLAGS_ALL) -I$(UNIT_DIR) $(CFLAGS_ALL) -c -o $@ $<

$(UNIT_DIR)/runner: $(UNIT_DIR)/runner.o $(call obj,$(UNIT_SRC) $(UNIT_EXTRA) $(UNIT_LIB))
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(UNIT_WRAP) -o $@ $^ $(CHECK_LIBS) $(LIBS)

# Most of a suite's time is waiting, so several run at once, each into a file of its own; with patience for a busy machine.
unit: $(UNIT_DIR)/runner $(if $(AREA),,replay) ## fast tests: seconds, no engine, no root
	printf '%s\n' $(UNIT_SUITES) | xargs -P 4 -I {} sh -c 'CK_TIMEOUT_MULTIPLIER=5 CK_RUN_SUITE={} $< >$(UNIT_DIR)/{}.log 2>&1'; \
		failed=$$?; cat $(UNIT_SUITES:%=$(UNIT_DIR)/%.log); exit $$failed

# --- fuzzing: each tests/fuzz/fuzz_X.c with its corpus ---------------------------------------------
FUZZ_NAMES   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60

$(OUT)/replay_%: $(OUT)/obj/tests/fuzz/replay.o $(OUT)/obj/tests/fuzz/fuzz_%.o $(call obj,$(LIB_SRC) $(SUP_SRC) $(CTL_SRC))
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

.SECONDARY:

# What was ever found stays found: every file of the corpus once more, without libFuzzer.
replay: $(FUZZ_NAMES:%=$(OUT)/replay_%)
	@for name in $(FUZZ_NAMES); do \
		$(OUT)/replay_$$name $$(find tests/fuzz/corpus/$$name -type f 2>/dev/null) && echo "ok - replay $$name" || \
		{ echo "not ok - replay $$name"; exit 1; }; done

$(OUT)/fuzz_%: $(OUT)/obj/tests/fuzz/fuzz_%.o $(call obj,$(LIB_SRC) $(SUP_SRC) $(CTL_SRC))
	$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# New inputs go to the build folder; what is worth keeping is moved to tests/fuzz/corpus by hand.
fuzz-run-%: $(OUT)/fuzz_%
	@mkdir -p $(OUT)/corpus/$* tests/fuzz/corpus/$*
	@cd $(OUT) && ./fuzz_$* -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=20 corpus/$* \
		$(CURDIR)/tests/fuzz/corpus/$* >fuzz_$*.log 2>&1 || { tail -n 40 fuzz_$*.log; exit 1; }
	@echo "fuzz_$*: $$(grep -o 'Done [0-9]* runs.*' $(OUT)/fuzz_$*.log)"

fuzz: ## every fuzz target for FUZZ_SECONDS (60)
	@bash tests/deps.sh fuzz
	+$(MAKE) --no-print-directory MODE=fuzz CC=clang -j2 $(FUZZ_NAMES:%=fuzz-run-%)

# What the man pages are held against: tests/lint/man.sh.
tables: $(OUT)/tables
$(OUT)/tables: $(call obj,tests/lint/tables.c $(wildcard conf/*.c base/*.c))
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# --- what needs more than the sources --------------------------------------------------------------
# Packages first, then a make of its own: this one has already asked pkg-config for what may just have come.
RUN := BUILD=$(BUILD) MODE=$(MODE) tests/run

deps: ## install the Debian packages that building and testing need
	@bash tests/deps.sh all

demo: ## three real servers behind named pipes: a call, a kill, the recovery, the end
	@bash tests/deps.sh demo
	+@BUILD=$(BUILD) bash examples/demo.sh

test: deps ## everything: unit, lint, integration with a real engine
	+@$(RUN)

integration: deps ## the integration tests; ONLY="40-pipes 50-mux" for some
	+@$(RUN) integration $(ONLY)

lint: deps ## layers, sizes, formatting, shell scripts
	+@$(RUN) lint

asan: deps ## unit and integration tests under ASan and UBSan
	+@BUILD=$(BUILD) MODE=asan tests/run unit integration

soak: deps programs ## SOAK_MINUTES (30) of twenty agents, ten servers, kills and engine restarts: docs/soak.md
	+@BUILD=$(BUILD) BIN=$(OUT) MODE=$(MODE) bash tests/soak/soak.sh

kills: deps ## the kill tests, KILLS (500) times
	+@KILLS=$(or $(KILLS),500) $(RUN) 53-chaos 60-restart

pid1: programs ## mcpinit and three other init processes through the same tests: a table
	@bash tests/pid1/table.sh $(OUT)/mcpinit

conformance: deps ## the official conformance suite, alone and twice at a time: a table in docs/conformance.md
	+@$(RUN) conformance

bench: ## the figures of docs/bench.md, beside other programs: a table each; ONLY="relay death" for some
	@bash tests/deps.sh build engine bench
	+@BUILD=$(BUILD) bench/run $(ONLY)

format: ## clang-format over all C files
	clang-format -i $$(git ls-files -co --exclude-standard -- '*.c' '*.h')

IMAGE ?= mcpinit:$(VERSION)
BASE  ?= debian:bookworm-slim
image: ## the container image: IMAGE, on top of BASE
	docker build -t $(IMAGE) --build-arg BASE=$(BASE) .

install: programs ## into $(DESTDIR)$(PREFIX)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(OUT)/mcpinit $(OUT)/mcpctl $(OUT)/mcpctl-doctor
	for page in $(wildcard docs/man/*.[158]); do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page; done
	install -D -m 644 docs/completion/mcpctl.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mcpctl
	ln -sf mcpctl $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mcpinit
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/zsh/site-functions docs/completion/_mcpctl

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	@sed -nE 's/^([a-z0-9]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
