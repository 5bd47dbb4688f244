# SPDX-License-Identifier: MIT
#
# pvapconfig: build, test, install. `make help` lists the targets.

VERSION := 0.1.0

# Name of the installed program, its manual page and completions. s390-tools has a /usr/bin/pvapconfig, so packages set
# COMMAND=pvapconfig-boot.
COMMAND ?= pvapconfig
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
DATADIR ?= $(PREFIX)/share
DOCDIR ?= $(DATADIR)/doc/pvapconfig
MANDIR ?= $(DATADIR)/man
BASHCOMPLETIONDIR ?= $(DATADIR)/bash-completion/completions
ZSHCOMPLETIONDIR ?= $(DATADIR)/zsh/site-functions
# Not below PREFIX: dracut, mkinitcpio and initramfs-tools look for modules, hooks and units only here.
DRACUTMODULESDIR ?= /usr/lib/dracut/modules.d
INITCPIODIR ?= /usr/lib/initcpio
INITRAMFSTOOLSDIR ?= /usr/share/initramfs-tools
SYSTEMDSYSTEMUNITDIR ?= /usr/lib/systemd/system
SYSTEMDPRESETDIR ?= /usr/lib/systemd/system-preset
UDEVRULESDIR ?= /usr/lib/udev/rules.d
INSTALL ?= install

CROSS_COMPILE ?=
# Libraries for a cross build: those of `make deps`, else installed ones of the foreign architecture.
CROSS_ROOT ?= $(wildcard $(CURDIR)/cache/s390x)
ROOT := $(if $(filter s390x-%,$(CROSS_COMPILE)),$(CROSS_ROOT))
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
ifneq ($(ROOT),)
override CC += -B$(ROOT)/usr/lib/s390x-linux-gnu -isystem $(ROOT)/usr/include
endif
# Output of the compiler; empty if it is not installed yet (`make deps` installs it).
tells = $(shell $(CC) $(1) 2>/dev/null)
STRIP ?= $(CROSS_COMPILE)strip
OBJCOPY ?= $(CROSS_COMPILE)objcopy
SIZE ?= $(CROSS_COMPILE)size
CFLAGS ?= -Os -g

# A cross build has its own folder, named after its target.
BUILD := build$(if $(CROSS_COMPILE),/$(firstword $(subst -, ,$(CROSS_COMPILE))))
BINARY := $(BUILD)/pvapconfig

# For packagers: WERROR= if another compiler has more warnings, LTO= if the distribution sets its own, SIZE_FLAGS= and PREFIX_MAP=
# for debug packages.
WERROR ?= -Werror
WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes
LANGUAGE := -std=gnu11 -D_GNU_SOURCE -Isrc -DPVAPCONFIG_VERSION='"$(VERSION)"'
# A C program does not unwind its stack, and the tables for it would be a twentieth of the program.
SIZE_FLAGS ?= -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections
# The build folder must not change the build id.
PREFIX_MAP ?= -ffile-prefix-map=$(CURDIR)=.
HARDENING := -fPIE -fstack-protector-strong $(SIZE_FLAGS) $(PREFIX_MAP)
# Link-time optimisation saves some KiB. With clang it would need another linker.
ifeq ($(origin LTO),undefined)
LTO := $(if $(findstring clang,$(call tells,--version)),,-flto=auto)
endif
LINK_HARDENING := -Wl,-z,noseparate-code -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--gc-sections \
	-Wl,--exclude-libs,ALL

# V=1 shows the commands.
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-4s %s\n' $(1) $@)

SOURCES := $(sort $(filter-out src/musl/%,$(wildcard src/*.c src/*/*.c)))
PROGRAM_LIBS := -lyaml -lmbedcrypto

.PHONY: all
all: $(BINARY)

# --- which C library ------------------------------------------------------------------------------
# musl if its development files are installed, else a static glibc, else dynamic. LIBC=… overrides this.

found = $(filter /%,$(call tells,-print-file-name=$(1)))
MUSL_TRIPLET := $(subst -pc-,-,$(patsubst %-gnu,%-musl,$(call tells,-dumpmachine)))
MUSL_LIB := $(ROOT)/usr/lib/$(MUSL_TRIPLET)
STATIC_LIBS := $(call found,libyaml.a) $(call found,libmbedcrypto.a)
# mbedtls 4 has SHA-256 only in PSA, which uses files, locks and random numbers. Compiled for glibc, these do not work with musl.
MBEDTLS_4 := $(if $(wildcard $(ROOT)/usr/include/mbedtls/sha256.h),,$(wildcard $(ROOT)/usr/include/psa/crypto.h))

WHY_DYNAMIC := as asked for
ifeq ($(words $(STATIC_LIBS)),2)
ifneq ($(if $(MBEDTLS_4),,$(wildcard $(MUSL_LIB)/rcrt1.o)),)
LIBC ?= musl
else ifneq ($(call found,libc.a),)
LIBC ?= static
endif
endif
ifndef LIBC
LIBC := dynamic
WHY_DYNAMIC := no static libraries of yaml and mbedcrypto, or of C, here
endif

# Functions that would link much code, and their replacements.
#
# fork: musl's own (2 KiB) takes thread locks and runs handlers; this program has neither.
# mbedtls_platform_zeroize: all that SHA-256 needs from the rest of libmbedcrypto.a. Its platform_util.o imports clocks, time zones
#   and, compiled with fortify, __explicit_bzero_chk, which musl does not have.
# __assert_fail: musl's own prints to a stream; a failed assertion of libyaml ends the program either way.
# The others are used only by parts of the libraries that this program never calls. They would link streams, floating point and time
#   zones. __printf_chk, puts, putchar: self-test of mbedtls; fread, fwrite, ferror: stream functions of libyaml.
REPLACED := fork=_Fork mbedtls_platform_zeroize=explicit_bzero __assert_fail=abort \
	$(addsuffix =abort,__printf_chk puts putchar fread fwrite ferror)
COMMA := ,

ifeq ($(LIBC),musl)
# Only the headers of the two libraries, not those of glibc.
LIBC_CFLAGS = -nostdinc -isystem $(ROOT)/usr/include/$(MUSL_TRIPLET) -isystem $(call tells,-print-file-name=include) \
	-isystem $(BUILD)/include
LIBC_INCLUDE := $(BUILD)/include
LIBC_SOURCES := $(sort $(wildcard src/musl/*.c))
LINK_HEAD = -nostdlib -static-pie $(MUSL_LIB)/rcrt1.o $(MUSL_LIB)/crti.o $(addprefix -Wl$(COMMA)--defsym=,$(REPLACED))
LINK_LIBS := $(addprefix $(BUILD)/lib/,$(notdir $(STATIC_LIBS)) libc.a)
LINK_TAIL = $(LINK_LIBS) $(call tells,-print-libgcc-file-name) $(MUSL_LIB)/crtn.o
LIBC_TEXT := static with musl
else ifeq ($(LIBC),static)
LINK_HEAD := -static-pie
LINK_TAIL := $(PROGRAM_LIBS)
LIBC_TEXT := static with the C library of the compiler
else
LINK_HEAD := -pie
LINK_TAIL := $(PROGRAM_LIBS)
LIBC_TEXT := dynamic ($(WHY_DYNAMIC))
endif

# --- the program ----------------------------------------------------------------------------------

OBJECTS := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(SOURCES) $(LIBC_SOURCES))

# Another compiler, C library, option or version: compile all objects again.
FLAVOUR := $(CC) $(call tells,-dumpfullversion -dumpversion) $(LIBC) $(CFLAGS) $(LTO) $(HARDENING) $(LINK_HARDENING) $(LDFLAGS) $(VERSION)
$(BUILD)/flavour: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAVOUR)' | cmp -s - $@ || echo '$(FLAVOUR)' > $@

# mbedtls 3 includes headers of psa/. Made again if the flavour changes.
$(BUILD)/include: $(BUILD)/flavour
	@mkdir -p $@
	@ln -sfn $(wildcard $(addprefix $(ROOT)/usr/include/,yaml.h mbedtls psa)) $@
	@touch $@

# Copies without the tables for unwinding, see SIZE_FLAGS.
$(BUILD)/lib/%.a: $(BUILD)/flavour
	@mkdir -p $(@D)
	$(call say,COPY)
	$(Q)$(OBJCOPY) -R .eh_frame -R .rela.eh_frame $(filter %/$(@F),$(STATIC_LIBS) $(MUSL_LIB)/libc.a) $@

$(BUILD)/obj/%.o: src/%.c $(BUILD)/flavour | $(LIBC_INCLUDE)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) $(CPPFLAGS) $(LIBC_CFLAGS) $(CFLAGS) $(LTO) $(HARDENING) -MMD -MP -c -o $@ $<

$(BINARY): $(OBJECTS) $(LINK_LIBS)
	@echo 'pvapconfig: $(LIBC_TEXT)'
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LTO) $(HARDENING) $(LINK_HARDENING) $(LDFLAGS) -o $@ $(LINK_HEAD) $(OBJECTS) $(LINK_TAIL)

-include $(OBJECTS:.o=.d)

.PHONY: FORCE
FORCE:

# Limits of the static musl program: for the stripped file, which grows in steps of 4 KiB, and for code with constants.
FILE_MAX_KIB := 216
CODE_MAX_KIB := 208

.PHONY: size
size: $(BINARY) ## print the size of the stripped binary, fail above 216 KiB (code and constants: 208 KiB)
	@$(STRIP) -o $(BINARY).stripped $(BINARY)
	@file=$$(stat -c %s $(BINARY).stripped); \
	code=$$($(SIZE) -A $(BINARY) | awk '$$1 == ".text" || $$1 == ".rodata" { sum += $$2 } END { print sum }'); \
	echo "$(BINARY): $$file bytes stripped, code and constants: $$code"; \
	test "$(LIBC)" != musl || { [ "$$file" -le $$(($(FILE_MAX_KIB) * 1024)) ] && [ "$$code" -le $$(($(CODE_MAX_KIB) * 1024)) ]; } || \
	{ echo "$(BINARY): more than $(FILE_MAX_KIB) KiB, or $(CODE_MAX_KIB) KiB of code and constants" >&2; exit 1; }

# --- install --------------------------------------------------------------------------------------

DRACUT_MODULE := $(DESTDIR)$(DRACUTMODULESDIR)/50pvapconfig
DRACUT_FILES := module-setup.sh pvapconfig.sh
INITRD_UNITS := pvapconfig.service pvapconfig-secrets.target
LATE_UNITS := pvapconfig-late.service pvapconfig-late.path
INITCPIO := $(DESTDIR)$(INITCPIODIR)
INITRAMFS_TOOLS := $(DESTDIR)$(INITRAMFSTOOLSDIR)
DOC := $(DESTDIR)$(DOCDIR)
UNITS := $(DESTDIR)$(SYSTEMDSYSTEMUNITDIR)
UDEV_RULES := $(DESTDIR)$(UDEVRULESDIR)
MAN := $(DESTDIR)$(MANDIR)
BASH_COMPLETION := $(DESTDIR)$(BASHCOMPLETIONDIR)
ZSH_COMPLETION := $(DESTDIR)$(ZSHCOMPLETIONDIR)
MAN_PAGE := $(MAN)/man8/$(COMMAND).8
FURTHER_MAN_PAGES := man5/pvapconfig.yaml.5 man7/pvapconfig.cmdline.7
PRESET := $(DESTDIR)$(SYSTEMDPRESETDIR)/90-pvapconfig.preset
# Files that s390-tools may have under the same name. A file without this option is not from this project: it is neither replaced
# nor removed.
NAMED_FILES := $(DESTDIR)$(SBINDIR)/$(COMMAND) $(MAN_PAGE) $(BASH_COMPLETION)/$(COMMAND) $(ZSH_COMPLETION)/_$(COMMAND)
is_ours = grep -q check-config
# $(call install_renamed,FILE,TARGET): installs FILE with COMMAND as the name of the program in its text.
install_renamed = sed -e 's/^\(\.Nm\|\#compdef\|complete -F [^ ]*\|\.Dl [\#$$]\) pvapconfig\>\([^.]\|$$\)/\1 $(COMMAND)\2/' \
	-e 's/^\.Dt PVAPCONFIG 8/.Dt $(shell echo $(COMMAND) | tr a-z A-Z) 8/' -e 's/^\.Xr pvapconfig 8/.Xr $(COMMAND) 8/' \
	-e 's/=man:pvapconfig(8)/=man:$(COMMAND)(8)/' -e 's\#=/usr/sbin/pvapconfig\#=$(SBINDIR)/$(COMMAND)\#' $(1) >$(2) && chmod 0644 $(2)
SECRETS_FILES := boot-secrets.service pvapconfig-secrets
DOC_PAGES := demo.svg guest.md initramfs.md releases.md report.md report.schema.json running-system.md secrets.md testing.md \
	troubleshooting.md

.PHONY: install
install: $(BINARY) ## install program, units, dracut module, hooks and examples below $(DESTDIR)
	@for file in $(NAMED_FILES); do [ ! -e $$file ] || $(is_ours) $$file || \
		{ echo "$$file is not from this project (s390-tools?): set COMMAND=pvapconfig-boot or another PREFIX" >&2; exit 1; }; done
	$(INSTALL) -d $(DESTDIR)$(SBINDIR) $(UNITS) $(dir $(PRESET)) $(UDEV_RULES) $(DRACUT_MODULE) $(INITCPIO)/install $(INITCPIO)/hooks \
		$(INITRAMFS_TOOLS)/hooks $(INITRAMFS_TOOLS)/scripts/init-premount $(DOC)/dracut.conf.d $(DOC)/mkinitcpio.conf.d \
		$(DOC)/secrets $(DOC)/doc $(addprefix $(MAN)/man,5 7 8) $(BASH_COMPLETION) $(ZSH_COMPLETION)
	$(INSTALL) -m 0755 $(BINARY) $(DESTDIR)$(SBINDIR)/$(COMMAND)
	$(STRIP) $(DESTDIR)$(SBINDIR)/$(COMMAND)
	$(INSTALL) -m 0644 $(addprefix systemd/,$(INITRD_UNITS)) $(UNITS)
	for unit in $(LATE_UNITS); do $(call install_renamed,systemd/$$unit,$(UNITS)/$$unit) || exit; done
	$(INSTALL) -m 0644 systemd/90-pvapconfig.preset $(PRESET)
	$(INSTALL) -m 0644 udev/90-pvapconfig.rules $(UDEV_RULES)
	$(INSTALL) -m 0755 $(addprefix dracut/50pvapconfig/,$(DRACUT_FILES)) $(DRACUT_MODULE)
	$(INSTALL) -m 0644 mkinitcpio/install/pvapconfig mkinitcpio/install/sd-pvapconfig $(INITCPIO)/install
	$(INSTALL) -m 0644 mkinitcpio/hooks/pvapconfig $(INITCPIO)/hooks
	$(INSTALL) -m 0755 initramfs-tools/hooks/pvapconfig $(INITRAMFS_TOOLS)/hooks
	$(INSTALL) -m 0755 initramfs-tools/scripts/init-premount/pvapconfig $(INITRAMFS_TOOLS)/scripts/init-premount
	$(call install_renamed,man/pvapconfig.8,$(MAN_PAGE))
	for page in $(FURTHER_MAN_PAGES); do $(call install_renamed,man/$${page#*/},$(MAN)/$$page) || exit; done
	$(call install_renamed,completions/pvapconfig.bash,$(BASH_COMPLETION)/$(COMMAND))
	$(call install_renamed,completions/_pvapconfig,$(ZSH_COMPLETION)/_$(COMMAND))
	$(INSTALL) -m 0644 README.md SECURITY.md CONTRIBUTING.md CHANGELOG.md LICENSE conf/pvapconfig.yaml $(DOC)
	$(INSTALL) -m 0644 $(addprefix doc/,$(DOC_PAGES)) $(DOC)/doc
	$(INSTALL) -m 0644 conf/dracut.conf.d/pvapconfig.conf $(DOC)/dracut.conf.d
	$(INSTALL) -m 0644 conf/mkinitcpio.conf.d/zz-pvapconfig.conf $(DOC)/mkinitcpio.conf.d
	$(INSTALL) -m 0644 $(addprefix conf/secrets/,$(SECRETS_FILES)) $(DOC)/secrets

# Shared folders are removed only if they are empty.
.PHONY: uninstall
uninstall: ## remove the installed files; the configuration stays
	@for file in $(NAMED_FILES); do [ ! -e $$file ] || ! $(is_ours) $$file || rm $$file; done
	rm -f $(addprefix $(UNITS)/,$(INITRD_UNITS) $(LATE_UNITS)) $(PRESET) $(UDEV_RULES)/90-pvapconfig.rules $(addprefix $(DRACUT_MODULE)/,$(DRACUT_FILES)) \
		$(addprefix $(INITCPIO)/,install/pvapconfig install/sd-pvapconfig hooks/pvapconfig) \
		$(addprefix $(INITRAMFS_TOOLS)/,hooks/pvapconfig scripts/init-premount/pvapconfig) \
		$(addprefix $(MAN)/,$(FURTHER_MAN_PAGES)) $(addprefix $(DOC)/doc/,$(DOC_PAGES)) \
		$(addprefix $(DOC)/,README.md SECURITY.md CONTRIBUTING.md CHANGELOG.md LICENSE pvapconfig.yaml dracut.conf.d/pvapconfig.conf mkinitcpio.conf.d/zz-pvapconfig.conf \
			$(addprefix secrets/,$(SECRETS_FILES)))
	for folder in $(DOC)/dracut.conf.d $(DOC)/mkinitcpio.conf.d $(DOC)/secrets $(DOC)/doc $(DOC) $(DRACUT_MODULE) \
		$(addprefix $(MAN)/man,5 7 8) $(MAN) $(dir $(PRESET)) $(UDEV_RULES) \
		$(BASH_COMPLETION) $(dir $(BASH_COMPLETION)) $(ZSH_COMPLETION) $(dir $(ZSH_COMPLETION)) $(dir $(DOC)) \
		$(INITCPIO)/install $(INITCPIO)/hooks $(INITCPIO) $(INITRAMFS_TOOLS)/hooks \
		$(INITRAMFS_TOOLS)/scripts/init-premount $(INITRAMFS_TOOLS)/scripts $(INITRAMFS_TOOLS); do \
		[ ! -d $$folder ] || rmdir --ignore-fail-on-non-empty $$folder; done

# --- release --------------------------------------------------------------------------------------
# The same commit gives the same bytes in every folder.

DIST := pvapconfig-$(VERSION)

.PHONY: dist
dist: ## the source of the last commit as build/pvapconfig-VERSION.tar.xz
	@mkdir -p build
	git archive --format=tar --prefix=$(DIST)/ HEAD >build/$(DIST).tar
	xz --force --threads=1 -9 build/$(DIST).tar

# --- tests ----------------------------------------------------------------------------------------

include tests/tests.mk

.PHONY: deps
deps: ## install the Debian packages for building, tests and guests (root)
	./install-deps

.PHONY: clean
clean: ## remove build/; downloads and the emulator in cache/ stay
	rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile tests/tests.mk tests/fuzz/fuzz.mk | expand -t 16
