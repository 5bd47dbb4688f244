/* SPDX-License-Identifier: MIT */
#pragma once

/* Short forms of the model's calls, for its tests. Include after cmocka.h. */
#include <string.h>

#include "model/ap_model.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MS 1000

#define ID_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ID_B "FF112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* One queue of every kind, two secrets with the same id, one secret of another type. */
#define MACHINE \
	"delay bind=3ms reset=20ms associate=30ms request=2ms\n" \
	"card 11 CEX8P serialnr=0123456789ABCDEF\n" \
	"card 12 CEX7A\n" \
	"card 13 CEX6C\n" \
	"card 14 CEX5P configured=0\n" \
	"card 15 CEX8P checkstopped=1\n" \
	"queue 11.0008 mkvp=" ID_A "\n" \
	"queue 11.0009 state=bound\n" \
	"queue 11.000a state=associated:5\n" \
	"queue 11.000b state=foreign\n" \
	"queue 12.0008\n" \
	"queue 12.0009 state=bound\n" \
	"queue 13.0008\n" \
	"queue 14.0008\n" \
	"queue 15.0008\n" \
	"secret 5 id=" ID_A "\n" \
	"secret 6 id=" ID_B "\n" \
	"secret 7 id=" ID_B "\n" \
	"secret 8 id=" ID_B " type=3\n"

static struct model model;

static inline void load(const char *text)
{
	model_init(&model);
	assert_int_equal(model_parse(&model, text, strlen(text)), 0);
}

static inline void add(const char *text)
{
	assert_int_equal(model_parse(&model, text, strlen(text)), 0);
}

static inline struct model_test tapq(unsigned int apqn, int64_t now_us, enum model_response expected)
{
	struct model_test test;

	assert_int_equal(model_tapq(&model, (uint8_t)(apqn >> 8), (uint8_t)apqn, now_us, &test, NULL), expected);
	return test;
}

static inline enum model_response bapq(unsigned int apqn, int64_t now_us)
{
	return model_bapq(&model, (uint8_t)(apqn >> 8), (uint8_t)apqn, now_us, NULL);
}

static inline enum model_response aapq(unsigned int apqn, uint16_t index, int64_t now_us)
{
	return model_aapq(&model, (uint8_t)(apqn >> 8), (uint8_t)apqn, index, now_us, NULL);
}

static inline enum model_response rapq(unsigned int apqn, bool unbind, int64_t now_us)
{
	return model_rapq(&model, (uint8_t)(apqn >> 8), (uint8_t)apqn, unbind, now_us, NULL);
}

static inline enum model_response request(unsigned int apqn, int64_t now_us, int64_t *ready_us)
{
	return model_request(&model, (uint8_t)(apqn >> 8), (uint8_t)apqn, now_us, ready_us);
}
