/* SPDX-License-Identifier: Apache-2.0 */
#include "base/names.h"

#include <string.h>

#include "base/memory.h"

hd_status hdi_strings_add(hdi_strings *strings, const char *text, size_t size, uint32_t *out) {
    size_t begin = strings->size ? strings->size : 1; /* offset 0 is the empty string */
    HD_REQUIRE(size < UINT32_MAX - 2 - begin, HD_UNSUPPORTED, "more than 4 GB of names");
    HD_TRY(hdi_grow(&strings->data, &strings->cap, begin + size + 1, 1, "names"));
    strings->data[0] = 0;
    if (size) memcpy(strings->data + begin, text, size);
    strings->data[begin + size] = 0;
    strings->size = begin + size + 1;
    *out = (uint32_t)begin;
    return HD_OK;
}

void hdi_strings_clear(hdi_strings *strings) {
    hdi_free(strings->data);
    *strings = (hdi_strings){0};
}

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t hash(const char *text, size_t size) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) h = (h ^ (uint8_t)text[i]) * 0x100000001b3u;
    return h;
}

/* The place of a name, or the free one where it belongs. */
static struct hdi_name *place_of(const hdi_names *names, const hdi_strings *strings, const char *text, size_t size) {
    for (size_t at = hash(text, size);; at++) {
        struct hdi_name *place = &names->places[at & (names->size - 1)];
        if (!place->number) return place;
        const char *there = hdi_string(strings, place->string);
        if (strncmp(there, text, size) == 0 && there[size] == 0) return place;
    }
}

uint32_t hdi_names_find(const hdi_names *names, const hdi_strings *strings, const char *text, size_t size) {
    return names->size ? place_of(names, strings, text, size)->number : 0;
}

static hd_status make_room(hdi_names *names, const hdi_strings *strings) {
    hdi_names larger = {.n = names->n, .size = names->size ? 2 * names->size : 64};
    if (2 * (names->n + 1) <= names->size) return HD_OK;
    HD_TRY(hdi_calloc(&larger.places, larger.size, sizeof *larger.places, "names"));
    for (size_t i = 0; i < names->size; i++) {
        const char *text = hdi_string(strings, names->places[i].string);
        if (names->places[i].number) *place_of(&larger, strings, text, strlen(text)) = names->places[i];
    }
    hdi_free(names->places);
    *names = larger;
    return HD_OK;
}

hd_status hdi_names_add(hdi_names *names, const hdi_strings *strings, uint32_t string, uint32_t number) {
    HD_TRY(make_room(names, strings));
    const char *text = hdi_string(strings, string);
    *place_of(names, strings, text, strlen(text)) = (struct hdi_name){string, number};
    names->n++;
    return HD_OK;
}

void hdi_names_clear(hdi_names *names) {
    hdi_free(names->places);
    *names = (hdi_names){0};
}
