/* SPDX-License-Identifier: Apache-2.0 */
/* What a launch, a meeting of threads and a thread cost; the bounds are far above what an idle machine needs, so that only a
 * change of kind fails. */
#include <time.h>

#include "gpu_host/support.h"

namespace HDI_GPU_NAMESPACE {

static double now() {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static __global__ void nothing() {}
static __global__ void barriers(int n) {
    for (int i = 0; i < n; i++) __syncthreads();
}
static __global__ void shuffles(float *out, int n) {
    float x = (float)threadIdx.x;
    for (int i = 0; i < n; i++) x += gpu_shfl_xor(x, 1);
    if (x < 0) out[0] = x;
}

template <typename F> static double seconds_of(F launch) {
    assert_int_equal(launch(), GPU(Success)); /* makes stacks */
    assert_int_equal(GPU(DeviceSynchronize)(), GPU(Success));
    double best = 1e9;
    for (int k = 0; k < 5; k++) {
        double begin = now();
        assert_int_equal(launch(), GPU(Success));
        assert_int_equal(GPU(DeviceSynchronize)(), GPU(Success));
        double took = now() - begin;
        if (took < best) best = took;
    }
    return best;
}

static void test_costs(void **) {
    device_array<float> out(1);
    double empty = seconds_of([] { return gpu_launch(nothing, 1, 1, 0, nullptr); });
    double threads = seconds_of([] { return gpu_launch(nothing, 100, 256, 0, nullptr); });
    double barrier = seconds_of([] { return gpu_launch(barriers, 10, 256, 0, nullptr, 20); });
    double shuffle = seconds_of([&] { return gpu_launch(shuffles, 10, 256, 0, nullptr, out.data, 20); });
    double many = seconds_of([&] { return gpu_launch(shuffles, 1, 256, 0, nullptr, out.data, 2000); });
    print_message("a launch %.1f us; a thread %.0f ns; 256 threads and 20 barriers %.1f us, 20 shuffles %.1f us; "
                  "%.1f M switches a second\n",
                  empty * 1e6, threads / 25600 * 1e9, barrier / 10 * 1e6, shuffle / 10 * 1e6, 2000 * 256 / many * 1e-6);
    assert_true(barrier / 10 < 2e-2);
    assert_true(shuffle / 10 < 2e-2);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_costs)};

} // namespace HDI_GPU_NAMESPACE

int main() { return cmocka_run_group_tests(HDI_GPU_NAMESPACE::tests, use_device, nullptr); }
