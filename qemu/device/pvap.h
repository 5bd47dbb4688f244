/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Crypto cards and Ultravisor of an emulated s390x machine: lets QEMU's processor execute NQAP, DQAP, PQAP and UVC. The
 * model (ap_model.h) decides how queues and secrets behave; these files pass registers and memory to and from it.
 *
 * Two environment variables, read when QEMU starts:
 *
 *   PVAPCONFIG_TOPOLOGY  file with the cards, queues, secrets, delays and faults (format: ap_model.h). Without it the
 *                        instructions do not exist, as in QEMU without these files.
 *   PVAPCONFIG_JOURNAL   file to append the journal to. Without it no journal is written.
 *
 * The journal has one line for each instruction on a queue and each Ultravisor call, written immediately:
 *
 *        TIME OPERATION CC.DDDD rc=XX[ KEY=VALUE…][ write]
 *        TIME UVC CALL rc=XXXX[ KEY=VALUE…][ write]
 *
 *   TIME       microseconds since the machine started, 12 columns, right-aligned, never decreasing
 *   OPERATION  NQAP DQAP TAPQ RAPQ ZAPQ AQIC QACT BAPQ AAPQ
 *   CALL       query list add lock unshare-all, or the call's number, like 0x1020. Share and unshare are left out: a
 *              protected guest makes one such call for every page of its I/O buffers, about 16,000 at boot.
 *   rc         response code of the queue (2 hex digits) or of the Ultravisor (4)
 *   write      is the last word of every line that attempts, with or without success, to change a binding, an
 *              association or the secrets: BAPQ, AAPQ, RAPQ and ZAPQ with unbind=1, UVC add and lock.
 *
 * Keys:
 *
 *   TAPQ        state=0…3: bind state reported by the hardware (0 usable, 1 bound but no secure key, 2 unbound,
 *               3 belongs to another guest); async=1: a late failure
 *   RAPQ, ZAPQ  unbind=0|1
 *   AAPQ        index=N
 *   NQAP        request=module, request=domain (reads of serialnr and mkvps), request=wrapkey:given or
 *               request=wrapkey:refused (a protected key for the kernel), request=function:N or request=unknown
 *   UVC list    start=N
 *
 * TAPQ, RAPQ, ZAPQ, BAPQ and AAPQ also have hang=N if the instruction will hang for N microseconds.
 *
 *         4105233 BAPQ 11.0008 rc=00 write
 *         4105310 TAPQ 11.0008 rc=00 state=1
 *         4106021 AAPQ 11.0008 rc=00 index=5 write
 *         4107433 UVC list rc=0001 start=0
 *
 * The first line is "TIME MACHINE se=0|1 ap=0|1 queues=N secrets=N".
 */
#include "qemu/osdep.h"
#include "ap_model.h"
#include "cpu.h"
#include "qemu/thread.h"

#define PVAP_REQUEST_MAX 4096 /* the rest of a longer request is ignored */
#define PVAP_REPLY_MAX 512

/* The model, or NULL without a topology. Use it only between pvap_lock and pvap_unlock. */
struct model *pvap_model(void);
void pvap_lock(void);
void pvap_unlock(void);

/* Microseconds since the machine started. */
int64_t pvap_now(void);

/* Appends one line; adds time and newline. The caller holds the lock, so that times are in order. */
void pvap_journal(int64_t now_us, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Raises an operation exception if the instruction does not exist in this machine. */
void pvap_require_ap(CPUS390XState *env, uintptr_t ra);
void pvap_require_uv(CPUS390XState *env, uintptr_t ra);

/* Sets the facility bits that the topology needs. Called once, when the processor prepares its facility list. */
void pvap_set_facilities(uint8_t *facilities);

/*
 * Guest memory at a logical address. An access exception leaves the instruction and does not return, so the caller must
 * not hold a lock. Call pvap_check_write before anything is changed, and pvap_write afterwards.
 */
void pvap_read(CPUS390XState *env, uint64_t address, void *buffer, size_t length, uintptr_t ra);
void pvap_check_write(CPUS390XState *env, uint64_t address, size_t length, uintptr_t ra);
void pvap_write(CPUS390XState *env, uint64_t address, const void *buffer, size_t length, uintptr_t ra);

/*
 * Leaves the instruction before its completion, after at most wait_us. The processor takes interrupts that are enabled,
 * then executes the instruction again. Registers keep their values. Does not return.
 */
G_NORETURN void pvap_repeat(CPUS390XState *env, int64_t wait_us, uintptr_t ra);

/*
 * Protected keys (pvap_cpacf.c). Replaces a key of `size` bytes by the protected key and its verification pattern;
 * `key` has room for size + PVAP_PATTERN_SIZE bytes. Both are different at every start of the machine.
 */
#define PVAP_KEY_MAX 32
#define PVAP_PATTERN_SIZE 32
void pvap_start_keys(void);
void pvap_protect_key(uint8_t *key, size_t size);

/*
 * The functions of the message-security instructions (S390FeatType) with protected keys. pvap_offer_function adds them
 * to the functions that the instruction offers, and returns true if the function in register 0 is one of them. Then
 * pvap_execute_function executes it and returns the condition code. Without a topology there are no such functions.
 */
bool pvap_offer_function(CPUS390XState *env, uint32_t instruction, uint8_t *offered);
uint32_t pvap_execute_function(CPUS390XState *env, uint32_t instruction, uint32_t r1, uint32_t r2, uint32_t r3,
			       uintptr_t ra);

/*
 * Makes a protected key of a secure key, like the EP11 function WrapKey. Fills `data` (PVAP_WRAPPED_MAX bytes) and
 * returns its length. Returns 0 if the queue does not have the master key of the secure key, or is not associated with
 * the secret of the secure key.
 */
#define PVAP_BLOB_SIZE 256
#define PVAP_WRAPPED_MAX 128
size_t pvap_wrap_key(const struct model_queue *queue, const uint8_t *blob, uint8_t *data);

/* Writes the kind of a request for the journal. `queue` is NULL if there is no such queue. */
void pvap_ep11_kind(const struct model_queue *queue, const uint8_t *request, size_t length, char *kind, size_t size);

/* Writes the card's reply to a request through this queue to `reply` (PVAP_REPLY_MAX bytes) and returns its length. */
size_t pvap_ep11_answer(const struct model_card *card, const struct model_queue *queue, const uint8_t *request,
			size_t length, uint8_t *reply);
