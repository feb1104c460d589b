/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a launch from its first block to its last. */
#include <mutex>
#include <stdlib.h>

#include "kernels/gpu/host/block.h"

namespace hdi_gpu_host {

uint64_t host_seed() {
    static const uint64_t seed = [] {
        const char *text = getenv("HD_HOST_SEED");
        return text ? strtoull(text, nullptr, 0) : 0ull;
    }();
    return seed;
}

/* "kernel rms_norm<f32> (rms_norm.cu:38)". Where there is no symbol, the name is the first argument of the launch's text. */
std::string launch::name() const {
    std::string text = info.text, file = info.file, symbol = function_name(info.kernel);
    if (!info.kernel) return text; /* a copy or a fill */
    size_t end = 0;
    for (int depth = 0; end < text.size() && (depth || text[end] != ','); end++)
        depth += (text[end] == '<' || text[end] == '(') - (text[end] == '>' || text[end] == ')');
    size_t slash = file.rfind('/');
    if (slash != std::string::npos) file = file.substr(slash + 1);
    text = "kernel " + (symbol.empty() ? text.substr(0, end) : symbol);
    return file.empty() ? text : text + " (" + file + ":" + std::to_string(info.line) + ")";
}

/* Engines keep stacks and shared memory from launch to launch; an OS thread takes one for each launch. */
static std::mutex engines_lock;
struct engine_list {
    std::vector<engine *> idle;
    ~engine_list() {
        for (engine *e : idle) {
            for (fiber *f : e->fibers) fiber_destroy(f), delete f;
            for (block *b : e->blocks) shared_free(b), delete b;
            free(e->signal_stack);
            delete e;
        }
    }
};
static engine_list engines;

static engine *take_engine() {
    std::lock_guard<std::mutex> guard(engines_lock);
    if (engines.idle.empty()) return new engine;
    engine *e = engines.idle.back();
    engines.idle.pop_back();
    return e;
}

static void give_engine(engine *e) {
    std::lock_guard<std::mutex> guard(engines_lock);
    engines.idle.push_back(e);
}

/* Blocks come in rising, falling or mixed order. */
static int64_t block_at(int64_t i, int64_t n, uint64_t seed) {
    if (seed % 3 == 0) return i;
    if (seed % 3 == 1) return n - 1 - i;
    int64_t step = 0x9e3779b1 % n;
    for (int64_t a = step, b = n;;) { /* a step that has no divisor in common with n visits all */
        while (b) {
            int64_t r = a % b;
            a = b, b = r;
        }
        if (a == 1) break;
        a = ++step, b = n;
    }
    return (int64_t)(((__int128)i * step + (int64_t)(seed % (uint64_t)n)) % n);
}

fault run_launch(const launch &l) {
    engine *e = take_engine(), *outer = running;
    int64_t n = l.info.blocks;
    size_t together = l.info.cooperative ? (size_t)n : 1;
    e->what = &l;
    e->failed = fault();
    e->random = (host_seed() + 1) * 0x9e3779b97f4a7c15ull;
    while (e->blocks.size() < together) e->blocks.push_back(new block());
    if (check_access) {
        list_allocations(&e->ranges);
        e->last_range = nullptr;
    }
    fiber_adopt(&e->main);
    e->on = &e->main;
    running = e;
    faults_begin(e);
    for (int64_t first = 0; first < n && e->failed.error == hostSuccess; first += (int64_t)together) {
        e->alive = together;
        e->free_fibers = e->fibers;
        run_blocks(e, together == 1 ? block_at(first, n, host_seed()) : 0);
    }
    faults_end(e);
    running = outer;
    if (e->failed.error == hostSuccess) {
        std::string wrong = check_allocations();
        if (!wrong.empty()) e->failed = {hostErrorIllegalAddress, l.name() + ": " + wrong};
    }
    fault result = e->failed;
    give_engine(e);
    return result;
}

} // namespace hdi_gpu_host
