# SPDX-License-Identifier: MIT
#
# Unit tests on this machine (make check), guests (make test, demo, bench).

CHECK := build/check
comma := ,
CHECK_FLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
CHECK_SOURCES := $(filter-out src/main.c,$(SOURCES)) $(sort $(wildcard tests/model/*.c tests/sim/*.c tests/request/*.c))
CHECK_OBJECTS := $(CHECK_SOURCES:%.c=$(CHECK)/%.o)
CHECK_PROGRAMS := $(patsubst tests/unit/%.c,$(CHECK)/%,$(sort $(wildcard tests/unit/*.c tests/unit/*/*.c)))

$(CHECK)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) -Itests $(CHECK_FLAGS) -MMD -MP -c -o $@ $<

$(CHECK_PROGRAMS): $(CHECK)/%: $(CHECK)/tests/unit/%.o $(CHECK_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CHECK_FLAGS) $(CHECK_WRAP) -o $@ $^ -lcmocka $(CHECK_YAML) -lmbedcrypto

# Tests of failing calls replace functions (--wrap). In libyaml this works only with the static library.
CHECK_YAML := -lyaml
$(CHECK)/test_memory: CHECK_YAML := -l:libyaml.a
$(CHECK)/test_memory: CHECK_WRAP := $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc strdup strndup)
$(CHECK)/ap/test_inventory_memory: CHECK_WRAP := -Wl,--wrap=calloc
$(CHECK)/boot/test_supervised: CHECK_WRAP := -Wl,--wrap=reboot
$(CHECK)/kernel/test_page_size: CHECK_WRAP := -Wl,--wrap=mprotect
$(CHECK)/util/test_log: CHECK_WRAP := -Wl,--wrap=poll -Wl,--wrap=open
$(CHECK)/test_syscalls: CHECK_WRAP := $(addprefix -Wl$(comma)--wrap=,read write rename link unlink stat fstat socketpair mmap \
	mprotect clone fork getpid poll signalfd sigprocmask sha256_digest)

-include $(CHECK_OBJECTS:.o=.d) $(CHECK_PROGRAMS:$(CHECK)/%=$(CHECK)/tests/unit/%.d)
.PRECIOUS: $(CHECK)/%.o

.PHONY: check
check: $(CHECK_PROGRAMS) ## build the unit tests with both sanitizers and run them
	tests/run-unit-tests $(CHECK_PROGRAMS)

# Requests for the guests.
build/make-request: tests/make-request.c tests/model/ap_words.c $(wildcard tests/request/*.c) $(wildcard tests/request/*.h)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) -Itests -O1 -o $@ $(filter %.c,$^) -lmbedcrypto

.PHONY: coverage
coverage: ## lines and branches of src/ that the unit tests reach (gcov)
	tests/coverage

include tests/fuzz/fuzz.mk

# Checked before anything is installed or built.
.PHONY: is-clone
is-clone:
	@[ -e .git ] || { echo "make test needs a clone with git. In a release archive, 'make check' runs the unit tests." >&2; exit 1; }

.PHONY: test
test: is-clone deps ## install what is missing, run all checks and boot all scenarios
	tests/run-all

.PHONY: test-the-tests
test-the-tests: deps ## boot every scenario without the program and with an idle one: each must fail
	qemu/test-the-tests

.PHONY: check-releases
check-releases: ## build program, unit tests and packages with the tools of each Debian release (root)
	RELEASES='bookworm trixie sid' tests/build-releases

.PHONY: demo
demo: deps ## boot one guest and watch pvapconfig at work
	qemu/demo

.PHONY: bench
bench: deps build/bench/bench_config build/bench/bench_plan build/bench/bench_report ## measure configuration, planning and reports here, whole runs and whole boots in guests
	build/bench/bench_config
	build/bench/bench_plan
	build/bench/bench_report
	qemu/bench
	qemu/boot-time

# Built like the program, not like the tests.
build/bench/bench_%: tests/bench/bench_%.c $(filter-out src/main.c,$(SOURCES))
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) -O2 -o $@ $^ $(PROGRAM_LIBS)

# --- random runs on the simulated machine ---------------------------------------------------------

SIMULATE := build/simulate
SIMULATE_OBJECTS := $(patsubst %.c,$(SIMULATE)/%.o,$(CHECK_SOURCES) $(wildcard tests/simulate/*.c))
SEED ?= 1
FIRST ?= 0
RUNS ?= 20000

$(SIMULATE)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) -Itests -O2 -g -MMD -MP -c -o $@ $<

$(SIMULATE)/simulate: $(SIMULATE_OBJECTS)
	$(call say,LD)
	$(Q)$(CC) -o $@ $^ $(PROGRAM_LIBS)

-include $(SIMULATE_OBJECTS:.o=.d)

.PHONY: simulate
simulate: $(SIMULATE)/simulate ## random runs on the simulated machine (SEED, FIRST, RUNS; KILL=kill: killed after every call)
	$< $(SEED) $(FIRST) $(RUNS) $(KILL)

.PHONY: prove
prove: ## prove properties of parsers, queue steps and plan for all inputs up to a bound, with CBMC (MUTATE=1: with inserted bugs)
	MUTATE=$(MUTATE) tests/proof/prove

.PHONY: mutate
mutate: $(SIMULATE)/simulate $(CHECK_PROGRAMS) ## insert bugs: random runs or unit tests must find each of them
	tests/mutate
