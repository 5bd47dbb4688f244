/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Crypto cards and Ultravisor of an emulated s390x machine: what QEMU's processor needs to execute NQAP, DQAP, PQAP
 * and UVC. How queues and secrets behave is not decided here but in the model (ap_model.h); these files carry registers
 * and memory to and from it.
 *
 * Two environment variables, read when QEMU starts:
 *
 *   PVAPCONFIG_TOPOLOGY  file with the cards, queues, secrets, delays and faults (format: ap_model.h). Without it the
 *                        instructions do not exist, as in QEMU without these files.
 *   PVAPCONFIG_JOURNAL   file to append the journal to. Without it none is kept.
 *
 * The journal has one line for each instruction on a queue and each call to the Ultravisor, written at once:
 *
 *        TIME OPERATION CC.DDDD rc=XX[ KEY=VALUE…][ write]
 *        TIME UVC CALL rc=XXXX[ KEY=VALUE…][ write]
 *
 *   TIME       microseconds since the machine started, 12 columns, right-aligned, never decreasing
 *   OPERATION  NQAP DQAP TAPQ RAPQ ZAPQ AQIC QACT BAPQ AAPQ
 *   CALL       query list add lock unshare-all, or the call's number as in 0x1020. Share and unshare are left out: a
 *              protected guest makes one such call for every page of its I/O buffers, about 16,000 at boot.
 *   rc         response code of the queue (2 hex digits) or of the Ultravisor (4)
 *   write      is the last word of every line that tries, with or without success, to change a binding, an association
 *              or the secrets: BAPQ, AAPQ, RAPQ and ZAPQ with unbind=1, UVC add and lock. All other lines are looks.
 *
 * Keys: TAPQ state=0…3 (bind state as the hardware tells it; 0 usable, 1 bound but no secure key, 2 unbound,
 * 3 another guest's) and async=1 for a late failure; RAPQ and ZAPQ unbind=0|1; AAPQ index=N; NQAP request=module,
 * request=domain (what serialnr and mkvps ask for), request=wrapkey:given or request=wrapkey:refused (a protected key for the
 * kernel), request=function:N or request=unknown; UVC list start=N; any queue instruction hang=N when it is going to keep what
 * executes it for N microseconds.
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

#define PVAP_REQUEST_MAX 4096 /* of a longer request only the beginning is looked at */
#define PVAP_REPLY_MAX 512

/* The model, or NULL without a topology. To be used between pvap_lock and pvap_unlock only. */
struct model *pvap_model(void);
void pvap_lock(void);
void pvap_unlock(void);

/* Microseconds since the machine started. */
int64_t pvap_now(void);

/* Appends one line, without time and newline. With the lock held, so that times are in order. */
void pvap_journal(int64_t now_us, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Raises an operation exception if the instruction does not exist in this machine. */
void pvap_require_ap(CPUS390XState *env, uintptr_t ra);
void pvap_require_uv(CPUS390XState *env, uintptr_t ra);

/* Sets the facility bits of what the topology has; called once, when the processor prepares its facility list. */
void pvap_set_facilities(uint8_t *facilities);

/*
 * Guest memory at a logical address. An access exception leaves the instruction and does not return, so neither lock
 * may be held. The check comes before anything is changed, the write that it allowed afterwards.
 */
void pvap_read(CPUS390XState *env, uint64_t address, void *buffer, size_t length, uintptr_t ra);
void pvap_check_write(CPUS390XState *env, uint64_t address, size_t length, uintptr_t ra);
void pvap_write(CPUS390XState *env, uint64_t address, const void *buffer, size_t length, uintptr_t ra);

/*
 * Leaves the instruction without having completed it, after at most wait_us: the processor takes the interrupts that it is open
 * for, then executes the instruction again. Registers keep what is in them. Does not return.
 */
G_NORETURN void pvap_repeat(CPUS390XState *env, int64_t wait_us, uintptr_t ra);

/*
 * Protected keys (pvap_cpacf.c). A key of `size` bytes, with room for PVAP_PATTERN_SIZE more, becomes the protected key followed
 * by its verification pattern. Both are different at every start of the machine.
 */
#define PVAP_KEY_MAX 32
#define PVAP_PATTERN_SIZE 32
void pvap_start_keys(void);
void pvap_protect_key(uint8_t *key, size_t size);

/*
 * The functions of the message-security instructions (S390FeatType) with protected keys. The first adds ours to those that
 * the instruction offers and tells whether the function in register 0 is one of ours and not QEMU's own; then the second
 * executes it and returns the condition code. Without a topology there are none.
 */
bool pvap_offer_function(CPUS390XState *env, uint32_t instruction, uint8_t *offered);
uint32_t pvap_execute_function(CPUS390XState *env, uint32_t instruction, uint32_t r1, uint32_t r2, uint32_t r3,
			       uintptr_t ra);

/*
 * Makes a protected key of a secure key, the EP11 function WrapKey: fills `data` (PVAP_WRAPPED_MAX bytes) and returns its length, or 0
 * if the queue is not associated with the secret, or has not the master key, that the secure key was made with.
 */
#define PVAP_BLOB_SIZE 256
#define PVAP_WRAPPED_MAX 128
size_t pvap_wrap_key(const struct model_queue *queue, const uint8_t *blob, uint8_t *data);

/* What a request to this queue (or NULL, if there is none) asks for, as the journal tells it. */
void pvap_ep11_kind(const struct model_queue *queue, const uint8_t *request, size_t length, char *kind, size_t size);

/* What a card answers to a request through this queue: the length of `reply`, which has PVAP_REPLY_MAX bytes. */
size_t pvap_ep11_answer(const struct model_card *card, const struct model_queue *queue, const uint8_t *request,
			size_t length, uint8_t *reply);
