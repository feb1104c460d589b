/* SPDX-License-Identifier: Apache-2.0 */
/* Shared memory of blocks: poisoned when a block begins, with a pattern around each array that must stay as it is and
 * inaccessible pages beyond. */
#include <atomic>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels/gpu/host/engine.h"

namespace hdi_gpu_host {

enum { GUARD = 64, ALIGNMENT_MAX = 128 };

void poison(void *p, size_t bytes) {
    static const uint64_t word = 0x7fff7fff7fff7fffull;
    char *to = (char *)p;
    for (; bytes && (uintptr_t)to % 8; to++, bytes--) *to = (uintptr_t)to % 2 ? 0x7f : (char)0xff;
    for (; bytes >= 8; to += 8, bytes -= 8) memcpy(to, &word, 8);
    for (; bytes; to++, bytes--) *to = (uintptr_t)to % 2 ? 0x7f : (char)0xff;
}

bool is_poison(const void *p, size_t bytes) {
    const char *at = (const char *)p;
    for (; bytes; at++, bytes--)
        if (*at != ((uintptr_t)at % 2 ? (char)0x7f : (char)0xff)) return false;
    return true;
}

static void release(storage *s) {
    if (s->map) munmap(s->map, s->map_bytes);
    *s = storage();
}

/* Maps room for `capacity` bytes; false: no memory. */
static bool map(storage *s, const char *name, size_t capacity) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (capacity + ALIGNMENT_MAX + GUARD + page - 1) / page * page;
    char *map = (char *)mmap(nullptr, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return false;
    if (mprotect(map + page, inside, PROT_READ | PROT_WRITE) != 0) {
        munmap(map, inside + 2 * page);
        return false;
    }
    s->map = map;
    s->map_bytes = inside + 2 * page;
    s->end = map + page + inside;
    s->name = name;
    return true;
}

/* Lays an array of `bytes` at the end of the mapping, poisoned with all around it. */
static void place(storage *s, size_t bytes, size_t alignment) {
    size_t room = (bytes + alignment - 1) / alignment * alignment;
    s->base = s->end - room;
    s->bytes = bytes;
    s->right = room - bytes;
    poison(s->base - GUARD, GUARD + room);
}

bool shared_begin(block *b, size_t dynamic_bytes) {
    if (!b->dynamic.map && !map(&b->dynamic, "dynamic", SHARED_LIMIT)) return false;
    place(&b->dynamic, dynamic_bytes, 128);
    b->used.clear();
    return true;
}

static void check(block *b, storage *s, const char *when) {
    bool left = is_poison(s->base - GUARD, GUARD), right = is_poison(s->base + s->bytes, s->right);
    if (left && right) return;
    poison(s->base - GUARD, GUARD);
    poison(s->base + s->bytes, s->right);
    fail_block(b, hostErrorIllegalAddress, "a thread wrote %s the shared array %s of %zu bytes; seen %s",
               left ? "past the end of" : "in front of", s->name, s->bytes, when);
}

void shared_check(block *b, const char *when) {
    check(b, &b->dynamic, when);
    for (unsigned id : b->used) check(b, &b->arrays[id], when);
}

std::string describe_shared(block *b, const void *p) {
    std::vector<const storage *> all = {&b->dynamic};
    for (unsigned id : b->used) all.push_back(&b->arrays[id]);
    for (const storage *s : all) {
        uintptr_t at = (uintptr_t)p, base = (uintptr_t)s->base;
        if (at - (uintptr_t)s->map >= s->map_bytes) continue;
        std::string of = std::string(" the shared array ") + s->name + " of " + std::to_string(s->bytes) + " bytes";
        if (at < base) return std::to_string(base - at) + " bytes in front of" + of;
        return at - base < s->bytes ? "in" + of : std::to_string(at - base - s->bytes) + " bytes past the end of" + of;
    }
    return "";
}

void shared_free(block *b) {
    release(&b->dynamic);
    for (storage &s : b->arrays) release(&s);
}

} // namespace hdi_gpu_host

using namespace hdi_gpu_host;

void *gpu_host_shared(gpu_host_array *array) {
    static std::atomic<unsigned> arrays;
    unsigned id = __atomic_load_n(&array->id, __ATOMIC_ACQUIRE);
    if (!id) {
        unsigned mine = ++arrays;
        id = __atomic_compare_exchange_n(&array->id, &id, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ? mine : id;
    }
    block *b = ((thread *)gpu_host_self)->home;
    if (id >= b->arrays.size()) b->arrays.resize(id + 1);
    storage *s = &b->arrays[id];
    if (s->epoch != b->epoch) {
        if (!s->map && !map(s, array->name, array->bytes))
            gpu_host_fail(hostErrorMemoryAllocation, "no memory for the shared array %s", array->name);
        place(s, array->bytes, 16);
        s->epoch = b->epoch;
        b->used.push_back(id);
    }
    return s->base;
}

char *gpu_host_shared_dynamic() { return ((thread *)gpu_host_self)->home->dynamic.base; }
