/* SPDX-License-Identifier: Apache-2.0 */
/* The two allocators. They share the accounts and the way to the device; the caching one adds lists of free blocks. */
#include "runtime/allocator.h"

#include <string.h>

#include "base/memory.h"

enum { SMALLEST = 64, STEPS = 8, CLASSES = (24 - 6) * STEPS + 1 }; /* classes of 2^6 up to 2^24 = LARGE */
static const size_t LARGE = (size_t)16 << 20, LARGE_STEP = (size_t)2 << 20;

typedef struct free_block {
    void *data;
    size_t reserved;
    uint64_t stream;
} free_block;

typedef struct free_list {
    free_block *block;
    size_t count, capacity;
} free_list;

typedef struct pool {
    hdi_allocator face; /* first: a pool is an hdi_allocator */
    const hd_device *device;
    hd_memory_stats stats;
    free_list small[CLASSES]; /* by size class; all blocks of a list have one size */
    free_list large;          /* any size from LARGE on */
} pool;

/* The class of a size below LARGE, and the size of a class: eight classes between a power of two and the next. */
static size_t class_of(size_t bytes) {
    if (bytes <= SMALLEST) return 0;
    unsigned top = 63u - (unsigned)__builtin_clzll((unsigned long long)bytes - 1); /* 2^top < bytes <= 2^(top + 1) */
    size_t step = ((size_t)1 << top) / STEPS, above = bytes - ((size_t)1 << top);
    return (top - 6) * STEPS + (above + step - 1) / step;
}

static size_t class_size(size_t class) {
    size_t base = (size_t)SMALLEST << (class / STEPS);
    return base + base / STEPS * (class % STEPS);
}

size_t hdi_allocator_round(size_t bytes) {
    if (bytes <= LARGE) return class_size(class_of(bytes));
    return bytes > SIZE_MAX - LARGE_STEP ? 0 : hdi_align_up(bytes, LARGE_STEP);
}

/* ---- both kinds ---- */

static hd_status release(pool *p, void *data, size_t reserved) {
    p->stats.reserved -= reserved;
    return p->device->vtable->free(p->device, data);
}

static void count_use(pool *p, size_t bytes, bool hit) {
    p->stats.in_use += bytes;
    if (p->stats.in_use > p->stats.peak) p->stats.peak = p->stats.in_use;
    p->stats.requests++;
    p->stats.hits += hit;
}

static bool over_limit(const pool *p, size_t more) {
    return p->stats.limit && (more > p->stats.limit || p->stats.reserved > p->stats.limit - more);
}

static hd_status trim(pool *p);

/* Asks the device; when it or the limit refuses, what is cached goes back first. */
static hd_status reserve(pool *p, size_t bytes, void **out) {
    hd_status status;
    if (over_limit(p, bytes)) HD_TRY(trim(p));
    HD_REQUIRE(!over_limit(p, bytes), HD_OUT_OF_MEMORY,
               "%s: %zu bytes more than the %zu in use would pass the memory limit of %zu", hdi_device_text(p->device), bytes,
               p->stats.in_use, p->stats.limit);
    status = p->device->vtable->alloc(p->device, bytes, out);
    if (status == HD_OUT_OF_MEMORY && p->stats.reserved > p->stats.in_use) {
        HD_TRY(trim(p));
        status = p->device->vtable->alloc(p->device, bytes, out);
    }
    if (status != HD_OK) return hdi_fail_prefix(status, "%s, with %zu bytes in use", hdi_device_text(p->device), p->stats.in_use);
    p->stats.reserved += bytes;
    return HD_OK;
}

/* A block to fill in. An empty one counts as one byte, so that nothing in use means no block is out. */
static hdi_block new_block(const pool *p, size_t bytes, uint64_t stream) {
    return (hdi_block){.bytes = bytes ? bytes : 1, .stream = p->device->vtable->immediate ? 0 : stream};
}

/* ---- naive ---- */

static hd_status naive_alloc(hdi_allocator *a, size_t bytes, uint64_t stream, hdi_block *out) {
    pool *p = (pool *)a;
    hdi_block block = new_block(p, bytes, stream);
    block.reserved = block.bytes;
    HD_TRY(reserve(p, block.reserved, &block.data));
    count_use(p, block.bytes, false);
    *out = block;
    return HD_OK;
}

static void naive_free(hdi_allocator *a, hdi_block block) {
    pool *p = (pool *)a;
    p->stats.in_use -= block.bytes;
    (void)release(p, block.data, block.reserved); /* a device's refusal shows at its next synchronisation */
}

/* ---- caching ---- */

static free_list *list_of(pool *p, size_t reserved) { return reserved <= LARGE ? &p->small[class_of(reserved)] : &p->large; }

/* Takes a free block of at least `size` bytes and at most an eighth more: the smallest, and of these the last freed, whose memory
 * is the likeliest to be in a cache. */
static bool take(free_list *list, size_t size, uint64_t stream, free_block *out) {
    size_t best = SIZE_MAX;
    for (size_t i = list->count; i-- > 0;) {
        const free_block *b = &list->block[i];
        if (b->reserved < size || b->reserved - size > size / STEPS || (b->stream && b->stream != stream)) continue;
        if (best == SIZE_MAX || b->reserved < list->block[best].reserved) best = i;
        if (b->reserved == size) break;
    }
    if (best == SIZE_MAX) return false;
    *out = list->block[best];
    memmove(list->block + best, list->block + best + 1, (--list->count - best) * sizeof *list->block);
    return true;
}

static hd_status caching_alloc(hdi_allocator *a, size_t bytes, uint64_t stream, hdi_block *out) {
    pool *p = (pool *)a;
    hdi_block block = new_block(p, bytes, stream);
    free_block found;
    size_t size = hdi_allocator_round(block.bytes);
    HD_REQUIRE(size, HD_OUT_OF_MEMORY, "%s: cannot allocate %zu bytes", hdi_device_text(p->device), bytes);
    bool hit = take(list_of(p, size), size, block.stream, &found);
    if (hit) {
        block.data = found.data;
        block.reserved = found.reserved;
    } else {
        block.reserved = size;
        HD_TRY(reserve(p, size, &block.data));
    }
    count_use(p, block.bytes, hit);
    *out = block;
    return HD_OK;
}

static void caching_free(hdi_allocator *a, hdi_block block) {
    pool *p = (pool *)a;
    p->stats.in_use -= block.bytes;
    free_list *list = list_of(p, block.reserved);
    if (hdi_grow(&list->block, &list->capacity, list->count + 1, sizeof *list->block, "a list of free blocks") == HD_OK)
        list->block[list->count++] = (free_block){block.data, block.reserved, block.stream};
    else
        (void)release(p, block.data, block.reserved); /* no memory to remember it by */
}

static hd_status trim_list(pool *p, free_list *list) {
    hd_status status = HD_OK;
    for (size_t i = 0; i < list->count; i++) {
        hd_status s = release(p, list->block[i].data, list->block[i].reserved);
        if (status == HD_OK) status = s;
    }
    hdi_free(list->block);
    *list = (free_list){0};
    return status;
}

static hd_status trim(pool *p) {
    hd_status status = trim_list(p, &p->large);
    for (int i = 0; i < CLASSES; i++) {
        hd_status s = trim_list(p, &p->small[i]);
        if (status == HD_OK) status = s;
    }
    return status;
}

static void forget_stream(free_list *list, uint64_t stream) {
    for (size_t i = 0; i < list->count; i++)
        if (list->block[i].stream == stream) list->block[i].stream = 0;
}

/* ---- the interface ---- */

static hd_status pool_trim(hdi_allocator *a) { return trim((pool *)a); }

static void pool_stream_gone(hdi_allocator *a, uint64_t stream) {
    pool *p = (pool *)a;
    forget_stream(&p->large, stream);
    for (int i = 0; i < CLASSES; i++) forget_stream(&p->small[i], stream);
}

static void pool_stats(const hdi_allocator *a, hd_memory_stats *out) { *out = ((const pool *)a)->stats; }

static void pool_destroy(hdi_allocator *a) {
    (void)trim((pool *)a);
    hdi_free(a);
}

hd_status hdi_allocator_create(const hd_device *device, hd_allocator_kind kind, size_t limit, hdi_allocator **out) {
    static const hdi_allocator faces[] = {
        [HD_ALLOCATOR_NAIVE] = {naive_alloc, naive_free, pool_trim, pool_stream_gone, pool_stats, pool_destroy},
        [HD_ALLOCATOR_CACHING] = {caching_alloc, caching_free, pool_trim, pool_stream_gone, pool_stats, pool_destroy},
    };
    pool *p;
    HD_REQUIRE((unsigned)kind < HDI_COUNTOF(faces), HD_INVALID_ARGUMENT, "%d is no kind of allocator", (int)kind);
    HD_TRY(hdi_calloc(&p, 1, sizeof *p, "an allocator"));
    p->face = faces[kind];
    p->device = device;
    p->stats.limit = limit;
    *out = &p->face;
    return HD_OK;
}
