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
PKGS       := $(DEPS_CURL) $(DEPS_JSON) $(DEPS_INI)

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
obj = $(patsubst %.c,$(OUT)/obj/%.o,$(1))

.PHONY: all deps demo test unit integration lint asan fuzz soak conformance bench format install image clean help programs unit-area
all: programs
	@echo "built $(OUT)/mcpinit and $(OUT)/mcpctl; next: make demo, or make test"

programs: $(OUT)/mcpinit $(OUT)/mcpctl

$(OUT)/mcpinit: $(call obj,supervisor/main.c $(SUP_SRC) $(LIB_SRC))
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(OUT)/mcpctl: $(call obj,mcpctl/main.c $(CTL_SRC) $(foreach d,base conf docker,$(wildcard $(d)/*.c)))
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# --- unit tests: one suite per source file, collected by name -------------------------------------
# AREA="conf stdio" tests only those folders (with base): for work on one floor.
AREA ?=
ifneq ($(AREA),)
UNIT_SRC  := $(foreach a,base $(AREA),$(wildcard tests/unit/test_$(a)_*.c))
UNIT_LIB  := $(sort $(wildcard base/*.c) $(foreach a,$(AREA),$(filter-out %/main.c,$(wildcard $(a)/*.c))))
UNIT_NAME := unit-$(subst $() ,-,$(AREA))
else
UNIT_SRC  := $(wildcard tests/unit/test_*.c)
UNIT_LIB  := $(LIB_SRC) $(SUP_SRC) $(CTL_SRC)
UNIT_NAME := unit-all
endif
UNIT_SUITES := $(patsubst tests/unit/test_%.c,%,$(UNIT_SRC))
UNIT_DIR    := $(OUT)/$(UNIT_NAME)

$(UNIT_DIR)/suites.h: $(UNIT_SRC) Makefile
	@mkdir -p $(@D)
	@{ for s in $(UNIT_SUITES); do echo "SUITE($$s)"; done; } > $@

$(UNIT_DIR)/runner.o: tests/unit/runner.c $(UNIT_DIR)/suites.h
	$(CC) $(CPPFLAGS_ALL) -I$(UNIT_DIR) $(CFLAGS_ALL) -c -o $@ $<

$(UNIT_DIR)/runner: $(UNIT_DIR)/runner.o $(call obj,$(UNIT_SRC) $(UNIT_LIB))
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(CHECK_LIBS) $(LIBS)

unit: $(UNIT_DIR)/runner ## fast tests: seconds, no engine, no root
	$(UNIT_DIR)/runner

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
