/* SPDX-License-Identifier: Apache-2.0 */
/* Device memory: pages of its own an allocation, poisoned, its end at the end of the last page up to alignment, inaccessible
 * pages on both sides and a pattern in the slack between. */
#include <map>
#include <mutex>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels/gpu/host/engine.h"
#include "kernels/gpu/host/memory.h"

namespace hdi_gpu_host {

enum { ALIGNMENT = 256, LEFT = 64 };
static const size_t TOTAL = (size_t)4 << 30; /* of a device */

struct allocation {
    char *map, *base;
    size_t map_bytes, bytes, right;
    int device; /* -1: host memory */
};

static std::mutex lock;
static std::map<uintptr_t, allocation> all; /* by base */
static size_t used[DEVICES];

hostError_t allocate(int device, size_t bytes, void **out) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    std::lock_guard<std::mutex> guard(lock);
    if (bytes > TOTAL || (device >= 0 && bytes > TOTAL - used[device])) return hostErrorMemoryAllocation;
    size_t room = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, inside = (room + LEFT + page - 1) / page * page;
    char *map = (char *)mmap(nullptr, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return hostErrorMemoryAllocation;
    if (mprotect(map + page, inside, PROT_READ | PROT_WRITE) != 0) {
        munmap(map, inside + 2 * page);
        return hostErrorMemoryAllocation;
    }
    char *base = map + page + inside - room;
    poison(base - LEFT, LEFT + room);
    all[(uintptr_t)base] = {map, base, inside + 2 * page, bytes, room - bytes, device};
    if (device >= 0) used[device] += bytes;
    *out = base;
    return hostSuccess;
}

static std::string wrong_with(const allocation &a) {
    bool left = is_poison(a.base - LEFT, LEFT), right = is_poison(a.base + a.bytes, a.right);
    if (left && right) return "";
    poison(a.base - LEFT, LEFT);
    poison(a.base + a.bytes, a.right);
    return std::string("something wrote ") + (left ? "past the end of" : "in front of") + " an allocation of " +
           std::to_string(a.bytes) + " bytes";
}

hostError_t release(void *memory, bool host, std::string *wrong) {
    std::lock_guard<std::mutex> guard(lock);
    auto at = all.find((uintptr_t)memory);
    if (at == all.end() || (at->second.device < 0) != host) return hostErrorInvalidValue;
    const allocation a = at->second;
    *wrong = wrong_with(a);
    if (a.device >= 0) used[a.device] -= a.bytes;
    all.erase(at);
    munmap(a.map, a.map_bytes);
    return hostSuccess;
}

std::string check_allocations() {
    std::lock_guard<std::mutex> guard(lock);
    for (const auto &entry : all) {
        std::string wrong = wrong_with(entry.second);
        if (!wrong.empty()) return wrong;
    }
    return "";
}

void list_allocations(std::vector<engine::range> *out) {
    std::lock_guard<std::mutex> guard(lock);
    out->clear();
    for (const auto &entry : all)
        out->push_back({(uintptr_t)entry.second.map, (uintptr_t)entry.second.base, entry.second.map_bytes, entry.second.bytes});
}

void memory_info(int device, size_t *free_bytes, size_t *total) {
    std::lock_guard<std::mutex> guard(lock);
    *free_bytes = TOTAL - used[device];
    *total = TOTAL;
}

/* The allocation that holds p or is the nearest to it within a page or two; NULL: none. */
static const allocation *near_to(uintptr_t p) {
    auto at = all.upper_bound(p);
    const allocation *best = nullptr;
    if (at != all.end() && p >= (uintptr_t)at->second.map) best = &at->second;
    if (at != all.begin()) {
        const allocation *before = &(--at)->second;
        if (p < (uintptr_t)before->map + before->map_bytes) best = before;
    }
    return best;
}

std::string describe_address(const void *p) {
    std::lock_guard<std::mutex> guard(lock);
    const allocation *a = near_to((uintptr_t)p);
    if (!a) return (uintptr_t)p < 65536 ? "a null pointer" : "no device memory is near it";
    std::string of = " an allocation of " + std::to_string(a->bytes) + " bytes";
    if ((uintptr_t)p < (uintptr_t)a->base) return std::to_string((uintptr_t)a->base - (uintptr_t)p) + " bytes in front of" + of;
    uintptr_t at = (uintptr_t)p - (uintptr_t)a->base;
    return at < a->bytes ? "in" + of : std::to_string(at - a->bytes) + " bytes past the end of" + of;
}

bool inside_memory(const void *p, size_t bytes, int *device) {
    std::lock_guard<std::mutex> guard(lock);
    *device = -1;
    const allocation *a = near_to((uintptr_t)p);
    if (!a) return true; /* memory that we know nothing of */
    *device = a->device;
    return (uintptr_t)p >= (uintptr_t)a->base && (uintptr_t)p + bytes <= (uintptr_t)a->base + a->bytes;
}

} // namespace hdi_gpu_host
