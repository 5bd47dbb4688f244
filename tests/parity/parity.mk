# SPDX-License-Identifier: MIT
#
# The two programs that carry out lists of operations, here and in a guest. qemu/build-image reads this file together
# with the Makefile.

PARITY := build/parity
PARITY_COMMON := tests/parity/parity.c src/kernel/machine.c src/util/text.c
PARITY_HEADERS := $(wildcard src/kernel/*.h src/util/*.h tests/model/*.h tests/sim/*.h tests/request/*.h tests/parity/*.h)

.PHONY: parity
parity: $(PARITY)/parity_sim $(PARITY)/parity_guest

$(PARITY)/parity_sim: tests/parity/parity_sim.c $(PARITY_COMMON) $(wildcard tests/model/*.c tests/sim/*.c) tests/request/request.c
$(PARITY)/parity_sim: PARITY_CC = $(CC) -O1 -g

$(PARITY)/parity_guest: tests/parity/parity_guest.c $(PARITY_COMMON)
$(PARITY)/parity_guest: $(addprefix src/kernel/,linux.c worker.c worker_child.c)
$(PARITY)/parity_guest: PARITY_CC = s390x-linux-gnu-gcc -Os -s -static -specs=$(CROSS_ROOT)/usr/lib/s390x-linux-musl/musl-gcc.specs

$(PARITY)/%: $(PARITY_HEADERS)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(PARITY_CC) $(LANGUAGE) $(WARNINGS) -Itests -o $@ $(filter %.c,$^)
