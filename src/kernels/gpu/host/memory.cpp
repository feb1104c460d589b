/* SPDX-License-Identifier: Apache-2.0 */
/* Device memory: pages of its own an allocation, poisoned, its end at the end of the last page up to alignment, inaccessible
 * pages on both sides and a pattern in the slack between. */
#include <fcntl.h>
#include <map>
#include <mutex>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/gpu/host/engine.h"
#include "kernels/gpu/host/memory.h"

namespace hdi_gpu_host {

enum { ALIGNMENT = 256, LEFT = 64 };
static const size_t TOTAL = (size_t)4 << 30; /* of a device */

struct allocation {
    char *map, *base;
    size_t map_bytes, bytes, right;
    int device;          /* -1: host memory */
    int file = -1;       /* of memory that other processes may map: open as long as it lives */
    bool opened = false; /* it is another process's */
};

static std::mutex lock;
static std::map<uintptr_t, allocation> all; /* by base */
static size_t used[DEVICES];

static size_t page_bytes() { return (size_t)sysconf(_SC_PAGESIZE); }
/* The pages between the inaccessible ones. */
static char *inside_of(const allocation &a) { return a.map + page_bytes(); }
static size_t inside_bytes(const allocation &a) { return a.map_bytes - 2 * page_bytes(); }

/* Address space for an allocation, nothing of it accessible yet. */
static bool reserve(allocation *a, size_t bytes, int device) {
    size_t page = page_bytes(), room = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t inside = (room + LEFT + page - 1) / page * page;
    char *map = (char *)mmap(nullptr, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return false;
    *a = {map, map + page + inside - room, inside + 2 * page, bytes, room - bytes, device};
    return true;
}

hostError_t allocate(int device, size_t bytes, void **out) {
    allocation a;
    std::lock_guard<std::mutex> guard(lock);
    if (bytes > TOTAL || (device >= 0 && bytes > TOTAL - used[device])) return hostErrorMemoryAllocation;
    if (!reserve(&a, bytes, device)) return hostErrorMemoryAllocation;
    if (mprotect(inside_of(a), inside_bytes(a), PROT_READ | PROT_WRITE) != 0) {
        munmap(a.map, a.map_bytes);
        return hostErrorMemoryAllocation;
    }
    poison(a.base - LEFT, LEFT + a.bytes + a.right);
    all[(uintptr_t)a.base] = a;
    if (device >= 0) used[device] += bytes;
    *out = a.base;
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
    if (at == all.end() || (at->second.device < 0) != host || at->second.opened) return hostErrorInvalidValue;
    const allocation a = at->second;
    *wrong = wrong_with(a);
    if (a.device >= 0) used[a.device] -= a.bytes;
    all.erase(at);
    munmap(a.map, a.map_bytes);
    if (a.file >= 0) close(a.file);
    return hostSuccess;
}

/* ---- for other processes ---- */

/* Inside a hostIpcMemHandle_t. */
struct shared_handle {
    uint64_t inode; /* of the file: a process may have another one of that number by now */
    size_t bytes;
    pid_t process;
    int file, device;
};
static_assert(sizeof(shared_handle) <= sizeof(hostIpcMemHandle_t), "a handle holds what it must");

/* Puts the pages of an allocation, with what is in them, into a file that others can map. */
static bool move_to_file(allocation *a) {
    int file = memfd_create("heddle-device-memory", MFD_CLOEXEC);
    char *inside = inside_of(*a);
    size_t bytes = inside_bytes(*a), done = 0;
    if (file < 0) return false;
    bool ok = ftruncate(file, (off_t)bytes) == 0;
    while (ok && done < bytes) {
        ssize_t n = pwrite(file, inside + done, bytes - done, (off_t)done);
        ok = n > 0;
        if (ok) done += (size_t)n;
    }
    ok = ok && mmap(inside, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED;
    if (!ok) close(file);
    if (ok) a->file = file;
    return ok;
}

hostError_t share_allocation(void *memory, hostIpcMemHandle_t *handle) {
    struct stat about;
    std::lock_guard<std::mutex> guard(lock);
    auto at = all.find((uintptr_t)memory);
    if (at == all.end() || at->second.device < 0 || at->second.opened) return hostErrorInvalidValue;
    allocation *a = &at->second;
    if (a->file < 0 && !move_to_file(a)) return hostErrorMemoryAllocation;
    if (fstat(a->file, &about) != 0) return hostErrorUnknown;
    shared_handle h = {(uint64_t)about.st_ino, a->bytes, getpid(), a->file, a->device};
    memset(handle, 0, sizeof *handle);
    memcpy(handle, &h, sizeof h);
    return hostSuccess;
}

static bool map_shared(allocation *a, const shared_handle &h) {
    char path[64];
    struct stat about;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)h.process, h.file);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return false;
    bool ok = fstat(file, &about) == 0 && (uint64_t)about.st_ino == h.inode && (size_t)about.st_size == inside_bytes(*a) &&
              mmap(inside_of(*a), inside_bytes(*a), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED;
    close(file);
    return ok;
}

hostError_t open_shared(const hostIpcMemHandle_t *handle, void **out) {
    shared_handle h;
    allocation a;
    memcpy(&h, handle, sizeof h);
    if (h.process == getpid() || h.device < 0 || h.device >= DEVICES || h.bytes > TOTAL) return hostErrorInvalidValue;
    std::lock_guard<std::mutex> guard(lock);
    if (!reserve(&a, h.bytes, h.device)) return hostErrorMemoryAllocation;
    if (!map_shared(&a, h)) {
        munmap(a.map, a.map_bytes);
        return hostErrorInvalidValue;
    }
    a.opened = true;
    all[(uintptr_t)a.base] = a;
    *out = a.base;
    return hostSuccess;
}

hostError_t close_shared(void *memory, std::string *wrong) {
    std::lock_guard<std::mutex> guard(lock);
    auto at = all.find((uintptr_t)memory);
    if (at == all.end() || !at->second.opened) return hostErrorInvalidValue;
    *wrong = wrong_with(at->second);
    munmap(at->second.map, at->second.map_bytes);
    all.erase(at);
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
