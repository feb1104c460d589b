/* SPDX-License-Identifier: Apache-2.0 */
/* The engine that runs launches: blocks of threads, each thread a fiber, one OS thread for all of a launch. Blocks run one after
 * the other (of a cooperative launch: side by side), threads until they meet others, in an order that changes from barrier to
 * barrier and with HD_HOST_SEED. */
#ifndef HDI_KERNELS_GPU_HOST_ENGINE_H
#define HDI_KERNELS_GPU_HOST_ENGINE_H

#include <signal.h>
#include <string>
#include <vector>

#include "kernels/gpu/host/fiber.h"
#include "kernels/gpu/host/thread.h"

namespace hdi_gpu_host {

enum { MAX_THREADS = 1024, MAX_WARPS = MAX_THREADS / 32, UNITS = 4, SHARED_STATIC = 48 << 10, SHARED_LIMIT = 100 << 10 };

/* What a launch says that it does until it is through. */
struct fault {
    hostError_t error = hostSuccess;
    std::string text;
};

/* A launch that may run any number of times. */
struct launch {
    gpu_host_launch_info info;
    std::vector<char> call;
    std::string name() const; /* of the kernel, and where it was launched */
};
/* Runs it to its end, in the calling OS thread. */
fault run_launch(const launch &l);

/* Unequal to what kernels compute: NaN as f32, f16 and bf16, a large number as an integer. */
void poison(void *p, size_t bytes);
bool is_poison(const void *p, size_t bytes);

uint64_t host_seed(); /* HD_HOST_SEED */

/* ---- inside a launch ---- */

struct copy { /* one gpu_copy_async */
    char *shared;
    const char *global;
    int n, valid;
    unsigned group;
};

struct block;
struct thread : gpu_host_thread {
    struct block *home;
    fiber *on; /* NULL: not started, or through */
    enum { READY, AT_WARP, AT_BARRIER, DONE } state;
    gpu_host_place place; /* where it waits */
    unsigned group;       /* of copies that is open */
    std::vector<copy> copies;
};

struct warp {
    uint64_t ready;  /* lanes that may run */
    uint64_t paused; /* lanes that wait for memory to change */
    unsigned arrived, parity, lanes;
    uint32_t met, synced; /* how often its lanes have met, and how often in a gpu_sync_warp, which orders memory */
    gpu_host_place place;
    alignas(64) char slot[2][64 * GPU_HOST_SLOT];
};

/* Storage of an array in shared memory, kept from launch to launch: inaccessible pages on both sides, the array's end at the end
 * of its last page up to alignment. */
struct storage {
    char *map = nullptr, *base = nullptr, *end = nullptr;
    size_t map_bytes = 0, bytes = 0, right = 0; /* right: bytes of slack after the array */
    uint64_t epoch = 0;                         /* of the block that it was poisoned for */
    const char *name = nullptr;
    std::vector<char> cells; /* race.cpp's */
};

struct block {
    int64_t index;
    unsigned threads, warps, alive, at_barrier, phase;
    int lanes;
    uint64_t warps_ready, epoch;
    uint64_t interval; /* between two barriers: a number that never comes again in this engine */
    enum { UP, DOWN, ANY } order;
    unsigned last_warp;
    gpu_host_place barrier;
    warp w[MAX_WARPS];
    thread t[MAX_THREADS];
    std::vector<storage> arrays; /* by gpu_host_array::id */
    std::vector<unsigned> used;  /* ids of those that this block has touched */
    storage dynamic;
};

struct engine {
    fiber main;
    std::vector<fiber *> fibers, free_fibers;
    std::vector<block *> blocks; /* the first `alive` ones run */
    size_t alive = 0, current = 0;
    fiber *on = nullptr; /* the running one */
    const launch *what = nullptr;
    uint64_t idle = 0; /* times that all threads paused since one did something else */
    double idle_since = 0;
    uint64_t random = 0, epoch = 0, intervals = 0;
    struct range { /* an allocation */
        uintptr_t map, base;
        size_t map_bytes, bytes;
    };
    std::vector<range> ranges; /* for race.cpp: of all memory, rising */
    const range *last_range = nullptr;
    fault failed;
    char *signal_stack = nullptr;
    stack_t previous_signal_stack = {};
};
extern __thread engine *running;

/* shared.cpp */
bool shared_begin(block *b, size_t dynamic_bytes); /* false: no memory */
/* Complains of guard zones that were written; `when` ends the message. */
void shared_check(block *b, const char *when);
/* Where p lies beside a shared array of the block; "": nowhere near. */
std::string describe_shared(block *b, const void *p);
void shared_free(block *b);

/* fault.cpp: signals of kernels become faults between begin and end. */
void faults_begin(engine *e);
void faults_end(engine *e);
[[noreturn]] void fail_block(const block *b, hostError_t error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* race.cpp, where it is built: looks at an access of the running thread. Else NULL. */
extern void (*check_access)(const void *address, size_t bytes, bool write, bool atomic);

/* symbol.cpp: the name of a function, or "". Slow. */
std::string function_name(const void *function);

/* memory.cpp */
std::string describe_address(const void *p);
/* Guard zones of all device memory; gives what is wrong, or "". */
std::string check_allocations();
void list_allocations(std::vector<engine::range> *out);

/* runtime.cpp: the sticky error of a device, with its message. */
void set_sticky(int device, const fault &f);

} // namespace hdi_gpu_host

#endif
