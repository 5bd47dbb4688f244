# SPDX-License-Identifier: MIT
#
# make fuzz: every fuzz target for SECONDS seconds. Needs clang.

SECONDS ?= 20
FUZZ := build/fuzz
FUZZ_FLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_OBJECTS := $(CHECK_SOURCES:%.c=$(FUZZ)/%.o)
FUZZ_PROGRAMS := $(patsubst tests/fuzz/%.c,$(FUZZ)/%,$(sort $(wildcard tests/fuzz/*.c)))

$(FUZZ)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)clang $(LANGUAGE) $(WARNINGS) -Itests $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(FUZZ)/fuzz_%: $(FUZZ)/tests/fuzz/fuzz_%.o $(FUZZ_OBJECTS)
	$(call say,LD)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ -lyaml -lmbedcrypto

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZ_PROGRAMS:$(FUZZ)/%=$(FUZZ)/tests/fuzz/%.d)
.PRECIOUS: $(FUZZ)/%.o

.PHONY: fuzz
fuzz: $(FUZZ_PROGRAMS) ## feed generated input to every parser, 20 seconds each (SECONDS=)
	tests/run-fuzz $(SECONDS) $(FUZZ_PROGRAMS)
