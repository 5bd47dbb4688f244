/* SPDX-License-Identifier: MIT */
#include "pvap.h"
#include "crypto/aes.h"
#include "cpu_features.h"
#include "s390x-internal.h"
#include "tcg/tcg_s390x.h"

/*
 * The functions of the CPU's message-security instructions that work with AES protected keys. A protected key can be
 * used only until the machine restarts: here it is the clear key XOR random bytes. The verification pattern after it
 * shows whether the key was made since the start of the machine.
 */
#define BLOCK_SIZE AES_BLOCK_SIZE
#define PART_MAX 2048 /* bytes of a message that one execution processes; then interrupts are taken */
#define PARAMETERS_MAX 128

/* Offsets in the parameter block of PCC, relative to the end of the verification pattern. */
#define PCC_TWEAK 0
#define PCC_BLOCK_NUMBER 16
#define PCC_RESULT 48

struct cipher {
	AES_KEY key;
	bool decipher;
	uint8_t state[BLOCK_SIZE]; /* chaining value, tweak or counter of the mode */
};

/* Enciphers or deciphers one block in place. */
typedef void block_mode(struct cipher *cipher, uint8_t *block);

struct function {
	S390FeatType instruction;
	uint8_t code, key_size;
	uint8_t key_offset; /* in the parameter block */
	block_mode *mode;   /* of an instruction that has a message */
};

static uint8_t key_mask[PVAP_KEY_MAX], pattern[PVAP_PATTERN_SIZE];

static void xor_bytes(uint8_t *to, const uint8_t *with, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] ^= with[i];
}

void pvap_start_keys(void)
{
	if (getentropy(key_mask, sizeof(key_mask)) || getentropy(pattern, sizeof(pattern))) {
		perror("qemu-system-s390x: no random bytes for protected keys");
		exit(1);
	}
}

void pvap_protect_key(uint8_t *key, size_t size)
{
	xor_bytes(key, key_mask, size);
	memcpy(key + size, pattern, sizeof(pattern));
}

static void crypt_block(const struct cipher *cipher, uint8_t *block)
{
	if (cipher->decipher)
		AES_decrypt(block, block, &cipher->key);
	else
		AES_encrypt(block, block, &cipher->key);
}

static void ecb(struct cipher *cipher, uint8_t *block)
{
	crypt_block(cipher, block);
}

static void cbc(struct cipher *cipher, uint8_t *block)
{
	uint8_t next[BLOCK_SIZE];

	if (cipher->decipher) {
		memcpy(next, block, sizeof(next));
		crypt_block(cipher, block);
		xor_bytes(block, cipher->state, BLOCK_SIZE);
		memcpy(cipher->state, next, sizeof(next));
	} else {
		xor_bytes(block, cipher->state, BLOCK_SIZE);
		crypt_block(cipher, block);
		memcpy(cipher->state, block, BLOCK_SIZE);
	}
}

/* Encryption and decryption are the same. The state is the counter block for this block, which the guest provides. */
static void ctr(struct cipher *cipher, uint8_t *block)
{
	AES_encrypt(cipher->state, cipher->state, &cipher->key);
	xor_bytes(block, cipher->state, BLOCK_SIZE);
}

/* Multiplies the tweak by two in the field of XTS (IEEE 1619): a little-endian number of 128 bits. */
static void double_tweak(uint8_t *tweak)
{
	uint8_t carry = 0;

	for (size_t i = 0; i < BLOCK_SIZE; i++) {
		uint8_t top = tweak[i] >> 7;

		tweak[i] = tweak[i] << 1 | carry;
		carry = top;
	}
	if (carry)
		tweak[0] ^= 0x87;
}

static void xts(struct cipher *cipher, uint8_t *block)
{
	xor_bytes(block, cipher->state, BLOCK_SIZE);
	crypt_block(cipher, block);
	xor_bytes(block, cipher->state, BLOCK_SIZE);
	double_tweak(cipher->state);
}

static const struct function functions[] = {
	{ S390_FEAT_TYPE_PCKMO, 0x12, 16, 0, NULL },
	{ S390_FEAT_TYPE_PCKMO, 0x13, 24, 0, NULL },
	{ S390_FEAT_TYPE_PCKMO, 0x14, 32, 0, NULL },
	{ S390_FEAT_TYPE_PCC, 0x3a, 16, 0, NULL },
	{ S390_FEAT_TYPE_PCC, 0x3c, 32, 0, NULL },
	{ S390_FEAT_TYPE_KM, 0x1a, 16, 0, ecb },
	{ S390_FEAT_TYPE_KM, 0x1b, 24, 0, ecb },
	{ S390_FEAT_TYPE_KM, 0x1c, 32, 0, ecb },
	{ S390_FEAT_TYPE_KM, 0x3a, 16, 0, xts },
	{ S390_FEAT_TYPE_KM, 0x3c, 32, 0, xts },
	{ S390_FEAT_TYPE_KMC, 0x1a, 16, BLOCK_SIZE, cbc },
	{ S390_FEAT_TYPE_KMC, 0x1b, 24, BLOCK_SIZE, cbc },
	{ S390_FEAT_TYPE_KMC, 0x1c, 32, BLOCK_SIZE, cbc },
	{ S390_FEAT_TYPE_KMCTR, 0x1a, 16, 0, ctr },
	{ S390_FEAT_TYPE_KMCTR, 0x1b, 24, 0, ctr },
	{ S390_FEAT_TYPE_KMCTR, 0x1c, 32, 0, ctr },
};

/* Not offered in 24- or 31-bit mode. No kernel with support for protected keys runs in these modes. */
static bool has_functions(const CPUS390XState *env)
{
	return pvap_model() && env->psw.mask & PSW_MASK_64;
}

static const struct function *find_function(uint32_t instruction, uint8_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (functions[i].instruction == instruction && functions[i].code == code)
			return &functions[i];
	return NULL;
}

bool pvap_offer_function(CPUS390XState *env, uint32_t instruction, uint8_t *offered)
{
	uint8_t code = env->regs[0] & 0x7f;
	bool ours = has_functions(env) && find_function(instruction, code);

	for (size_t i = 0; has_functions(env) && i < ARRAY_SIZE(functions); i++)
		if (functions[i].instruction == instruction)
			set_be_bit(functions[i].code, offered);
	return ours;
}

/* Sets up the cipher with a protected key; false if the key was made before the machine started. */
static bool set_key(struct cipher *cipher, const struct function *function, const uint8_t *protected_key)
{
	uint8_t clear[PVAP_KEY_MAX];

	if (memcmp(protected_key + function->key_size, pattern, sizeof(pattern)))
		return false;
	memcpy(clear, protected_key, function->key_size);
	xor_bytes(clear, key_mask, function->key_size);
	if (cipher->decipher)
		AES_set_decrypt_key(clear, function->key_size * 8, &cipher->key);
	else
		AES_set_encrypt_key(clear, function->key_size * 8, &cipher->key);
	return true;
}

static uint32_t encrypt_key(CPUS390XState *env, const struct function *function, uintptr_t ra)
{
	uint8_t key[PVAP_KEY_MAX + PVAP_PATTERN_SIZE];
	size_t size = function->key_size + PVAP_PATTERN_SIZE;

	if (env->psw.mask & PSW_MASK_PSTATE)
		tcg_s390_program_interrupt(env, PGM_PRIVILEGED, ra);
	pvap_read(env, env->regs[1], key, function->key_size, ra);
	pvap_check_write(env, env->regs[1], size, ra);
	pvap_protect_key(key, function->key_size);
	pvap_write(env, env->regs[1], key, size, ra);
	return env->cc_op; /* this instruction leaves the condition code as it is */
}

/* Only for the first block of a data unit: Linux needs no other. */
static uint32_t compute_tweak(CPUS390XState *env, const struct function *function, uintptr_t ra)
{
	static const uint8_t first[BLOCK_SIZE];
	size_t key_size = function->key_size + PVAP_PATTERN_SIZE;
	uint8_t parameters[PARAMETERS_MAX], *values = parameters + key_size;
	struct cipher cipher = { .decipher = false };

	pvap_read(env, env->regs[1], parameters, key_size + PCC_RESULT, ra);
	if (memcmp(values + PCC_BLOCK_NUMBER, first, sizeof(first)))
		tcg_s390_program_interrupt(env, PGM_SPECIFICATION, ra);
	if (!set_key(&cipher, function, parameters))
		return 1;
	AES_encrypt(values + PCC_TWEAK, values + PCC_TWEAK, &cipher.key);
	pvap_check_write(env, env->regs[1] + key_size + PCC_RESULT, BLOCK_SIZE, ra);
	pvap_write(env, env->regs[1] + key_size + PCC_RESULT, values + PCC_TWEAK, BLOCK_SIZE, ra);
	return 0;
}

/* Offset of the mode's chaining value in the parameter block. */
static size_t state_offset(const struct function *function)
{
	return function->key_offset ? 0 : function->key_size + PVAP_PATTERN_SIZE;
}

static uint32_t crypt_message(CPUS390XState *env, const struct function *function, uint32_t r1, uint32_t r2, uint32_t r3,
			      uintptr_t ra)
{
	bool has_state = function->mode == cbc || function->mode == xts, has_counters = function->mode == ctr;
	uint8_t message[PART_MAX], counters[PART_MAX], parameters[PARAMETERS_MAX];
	uint64_t left = env->regs[r2 + 1], state_address = env->regs[1] + state_offset(function);
	size_t part = MIN(left, PART_MAX);
	struct cipher cipher = { .decipher = env->regs[0] & 0x80 && !has_counters };

	if (left % BLOCK_SIZE)
		tcg_s390_program_interrupt(env, PGM_SPECIFICATION, ra);
	if (!left)
		return 0;
	/* All checks come before the first change. */
	pvap_read(env, env->regs[1] + function->key_offset, parameters, function->key_size + PVAP_PATTERN_SIZE, ra);
	if (!set_key(&cipher, function, parameters))
		return 1;
	if (has_state) {
		pvap_read(env, state_address, cipher.state, BLOCK_SIZE, ra);
		pvap_check_write(env, state_address, BLOCK_SIZE, ra);
	}
	if (has_counters)
		pvap_read(env, env->regs[r3], counters, part, ra);
	pvap_read(env, env->regs[r2], message, part, ra);
	pvap_check_write(env, env->regs[r1], part, ra);
	for (size_t at = 0; at < part; at += BLOCK_SIZE) {
		if (has_counters)
			memcpy(cipher.state, counters + at, BLOCK_SIZE);
		function->mode(&cipher, message + at);
	}
	pvap_write(env, env->regs[r1], message, part, ra);
	if (has_state)
		pvap_write(env, state_address, cipher.state, BLOCK_SIZE, ra);
	env->regs[r1] += part;
	if (r2 != r1)
		env->regs[r2] += part;
	env->regs[r2 + 1] -= part;
	if (has_counters && r3 != r1 && r3 != r2)
		env->regs[r3] += part;
	return part < left ? 3 : 0;
}

uint32_t pvap_execute_function(CPUS390XState *env, uint32_t instruction, uint32_t r1, uint32_t r2, uint32_t r3,
			       uintptr_t ra)
{
	const struct function *function = find_function(instruction, env->regs[0] & 0x7f);

	if (function->mode)
		return crypt_message(env, function, r1, r2, r3, ra);
	if (instruction == S390_FEAT_TYPE_PCC)
		return compute_tweak(env, function, ra);
	return encrypt_key(env, function, ra);
}
