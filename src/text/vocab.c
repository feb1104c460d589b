/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; a 32-bit tag of the hash saves most string compares. */
#include "text/vocab.h"

#include <sys/random.h>

#define HASH_K0 0x9E3779B97F4A7C15u
#define HASH_K1 0xD1B54A32D192ED03u

uint64_t hdi_hash_seed(void) {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) seed = (uint64_t)(uintptr_t)&seed * HASH_K0;
    return seed;
}

static uint64_t hash_bytes(hdi_span s, uint64_t seed) {
    uint64_t h = seed ^ s.size * HASH_K0, word;
    const char *p = s.data;
    size_t n = s.size;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        h = hdi_hash_mix(h ^ word, HASH_K1);
    }
    word = 0;
    if (n) memcpy(&word, p, n);
    h = hdi_hash_mix(h ^ word, HASH_K1 ^ seed);
    return h ^ h >> 32;
}

hd_status hdi_vocab_init(hdi_vocab *v, size_t count) {
    *v = (hdi_vocab){.seed = hdi_hash_seed()};
    HD_REQUIRE(count <= INT32_MAX / 32, HD_CORRUPT, "a vocabulary of %zu tokens is too large", count);
    size_t slots = 64;
    while (slots < count * 2) slots *= 2;
    HD_TRY(hdi_alloc(&v->slots, slots, sizeof *v->slots, "the vocabulary's table"));
    memset(v->slots, 0xFF, slots * sizeof *v->slots);
    v->mask = slots - 1;
    v->limit = (int32_t)(count * 16 + 65536); /* padded vocabularies have holes; a lying id must not cost gigabytes */
    return HD_OK;
}

void hdi_vocab_free(hdi_vocab *v) {
    hdi_buffer_free(&v->arena);
    hdi_free(v->tokens);
    hdi_free(v->slots);
    *v = (hdi_vocab){0};
}

static size_t find_slot(const hdi_vocab *v, hdi_span spelling, uint32_t *tag) {
    uint64_t h = hash_bytes(spelling, v->seed);
    *tag = (uint32_t)(h >> 32);
    for (size_t at = h & v->mask;; at = (at + 1) & v->mask) {
        const struct hdi_vocab_slot *slot = &v->slots[at];
        if (slot->id < 0 || (slot->tag == *tag && hdi_span_equal(hdi_vocab_spelling(v, slot->id), spelling))) return at;
    }
}

int32_t hdi_vocab_find(const hdi_vocab *v, hdi_span spelling) {
    uint32_t tag;
    return v->slots[find_slot(v, spelling, &tag)].id;
}

int32_t hdi_vocab_find_model(const hdi_vocab *v, hdi_span spelling) {
    int32_t id = hdi_vocab_find(v, spelling);
    return id >= 0 && (v->tokens[id].flags & HDI_TOKEN_MODEL) ? id : -1;
}

static hd_status make_slots_room(hdi_vocab *v) {
    if ((v->used + 1) * 2 <= v->mask + 1) return HD_OK;
    size_t old_count = v->mask + 1, count = old_count * 2;
    struct hdi_vocab_slot *old = v->slots, *slots;
    HD_TRY(hdi_alloc(&slots, count, sizeof *slots, "the vocabulary's table"));
    memset(slots, 0xFF, count * sizeof *slots);
    v->slots = slots;
    v->mask = count - 1;
    for (size_t i = 0; i < old_count; i++) {
        uint32_t tag;
        if (old[i].id >= 0) v->slots[find_slot(v, hdi_vocab_spelling(v, old[i].id), &tag)] = old[i];
    }
    hdi_free(old);
    return HD_OK;
}

hd_status hdi_vocab_add(hdi_vocab *v, hdi_span spelling, int64_t id, uint32_t flags) {
    int shown = spelling.size > 64 ? 64 : (int)spelling.size;
    HD_REQUIRE(id >= 0 && id < v->limit, HD_CORRUPT, "token \"%.*s\" has id %lld, which is out of range", shown, spelling.data,
               (long long)id);
    HD_REQUIRE(!hdi_vocab_flags(v, (int32_t)id), HD_CORRUPT, "tokens \"%s\" and \"%.*s\" have the same id %lld",
               hdi_vocab_spelling(v, (int32_t)id).data, shown, spelling.data, (long long)id);
    HD_REQUIRE(v->arena.size + spelling.size < UINT32_MAX, HD_CORRUPT, "the vocabulary's spellings take more than 4 GB");
    HD_TRY(make_slots_room(v));
    uint32_t tag;
    size_t at = find_slot(v, spelling, &tag);
    HD_REQUIRE(v->slots[at].id < 0, HD_CORRUPT, "token \"%.*s\" has two ids, %d and %lld", shown, spelling.data, v->slots[at].id,
               (long long)id);

    size_t count = (size_t)id + 1;
    HD_TRY(hdi_grow(&v->tokens, &v->tokens_cap, count, sizeof *v->tokens, "the vocabulary"));
    uint32_t offset = (uint32_t)v->arena.size;
    HD_TRY(hdi_buffer_reserve(&v->arena, spelling.size + 1));
    HD_TRY(hdi_buffer_add_span(&v->arena, spelling));
    HD_TRY(hdi_buffer_add(&v->arena, "", 1));
    if ((size_t)v->size < count) {
        memset(v->tokens + v->size, 0, (count - (size_t)v->size) * sizeof *v->tokens);
        v->size = (int32_t)count;
    }
    v->tokens[id] = (hdi_token){.offset = offset, .size = (uint32_t)spelling.size, .flags = flags | HDI_TOKEN_USED};
    v->slots[at] = (struct hdi_vocab_slot){.tag = tag, .id = (int32_t)id};
    v->used++;
    return HD_OK;
}
