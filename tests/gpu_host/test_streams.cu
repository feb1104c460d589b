/* SPDX-License-Identifier: Apache-2.0 */
/* Streams, events, graphs and memory of the host vendor mean what CUDA's do; work that nobody waited for has not been done. */
#include "gpu_host/support.h"

namespace HDI_GPU_NAMESPACE {

enum { N = 1000, THREADS = 128, BLOCKS = (N + THREADS - 1) / THREADS };

static __global__ void add(float *data, float x) {
    int i = (int)(blockIdx.x * THREADS + threadIdx.x);
    if (i < N) data[i] += x;
}
static __global__ void scale(float *data, float x) {
    int i = (int)(blockIdx.x * THREADS + threadIdx.x);
    if (i < N) data[i] *= x;
}
static GPU(Error_t) launch(void (*kernel)(float *, float), float *data, float x, GPU(Stream_t) stream) {
    return gpu_launch(kernel, BLOCKS, THREADS, 0, stream, data, x);
}

struct streams {
    GPU(Stream_t) a, b;
    GPU(Event_t) event, other;
    streams() {
        assert_int_equal(GPU(StreamCreateWithFlags)(&a, GPU(StreamNonBlocking)), GPU(Success));
        assert_int_equal(GPU(StreamCreateWithFlags)(&b, GPU(StreamNonBlocking)), GPU(Success));
        assert_int_equal(GPU(EventCreate)(&event), GPU(Success));
        assert_int_equal(GPU(EventCreate)(&other), GPU(Success));
    }
    ~streams() {
        (void)GPU(EventDestroy)(event);
        (void)GPU(EventDestroy)(other);
        (void)GPU(StreamDestroy)(a);
        (void)GPU(StreamDestroy)(b);
    }
};

static bool lazy() { return !getenv("HD_HOST_STREAMS"); } /* else a thread does the work at any time */

static void test_order_and_lateness(void **) {
    streams s;
    float got[N], zero[N] = {};
    device_array<float> data(zero, N);
    assert_int_equal(launch(add, data.data, 3, s.a), GPU(Success));
    assert_int_equal(launch(scale, data.data, 2, s.a), GPU(Success));
    assert_int_equal(launch(add, data.data, 1, s.a), GPU(Success));
    got[0] = -1;
    assert_int_equal(GPU(MemcpyAsync)(got, data.data, sizeof got, GPU(MemcpyDeviceToHost), s.a), GPU(Success));
    if (lazy()) assert_true(got[0] == -1); /* nobody has waited yet */
    assert_int_equal(GPU(StreamSynchronize)(s.a), GPU(Success));
    for (int i = 0; i < N; i++) assert_true(got[i] == 7);
}

/* A copy that forgets to wait for another stream sees what was there before. */
static void test_forgotten_wait(void **) {
    streams s;
    float got[N], zero[N] = {};
    device_array<float> data(zero, N);
    assert_int_equal(launch(add, data.data, 3, s.a), GPU(Success));
    if (lazy()) {
        assert_int_equal(GPU(Memcpy)(got, data.data, sizeof got, GPU(MemcpyDeviceToHost)),
                         GPU(Success)); /* s.a is non-blocking */
        assert_true(got[0] == 0);
    }
    assert_int_equal(GPU(StreamSynchronize)(s.a), GPU(Success));
    data.get(got);
    assert_true(got[0] == 3);
}

static void test_default_stream(void **) {
    GPU(Stream_t) blocking;
    assert_int_equal(GPU(StreamCreate)(&blocking), GPU(Success));
    float got[N], zero[N] = {};
    device_array<float> data(zero, N);
    assert_int_equal(launch(add, data.data, 3, blocking), GPU(Success));
    assert_int_equal(launch(scale, data.data, 2, nullptr), GPU(Success)); /* after the blocking stream's */
    assert_int_equal(launch(add, data.data, 1, blocking), GPU(Success));  /* after that */
    data.get(got);
    for (int i = 0; i < N; i++) assert_true(got[i] == 7);
    assert_int_equal(GPU(StreamDestroy)(blocking), GPU(Success));
}

static void test_events(void **) {
    streams s;
    float got[N], zero[N] = {}, ms;
    device_array<float> data(zero, N);
    assert_int_equal(GPU(EventQuery)(s.event), GPU(Success)); /* never recorded: nothing to wait for */
    assert_int_equal(GPU(EventElapsedTime)(&ms, s.event, s.other), GPU(ErrorInvalidResourceHandle));
    assert_int_equal(GPU(EventRecord)(s.other, s.a), GPU(Success));
    assert_int_equal(launch(add, data.data, 3, s.a), GPU(Success));
    assert_int_equal(GPU(EventRecord)(s.event, s.a), GPU(Success));
    assert_int_equal(GPU(StreamWaitEvent)(s.b, s.event, 0), GPU(Success));
    assert_int_equal(launch(scale, data.data, 2, s.b), GPU(Success));
    assert_int_equal(GPU(MemcpyAsync)(got, data.data, sizeof got, GPU(MemcpyDeviceToHost), s.b), GPU(Success));
    if (lazy()) assert_int_equal(GPU(EventQuery)(s.event), GPU(ErrorNotReady));
    assert_int_equal(GPU(StreamSynchronize)(s.b), GPU(Success));
    for (int i = 0; i < N; i++) assert_true(got[i] == 6);
    assert_int_equal(GPU(EventSynchronize)(s.event), GPU(Success));
    assert_int_equal(GPU(EventElapsedTime)(&ms, s.other, s.event), GPU(Success));
    assert_true(ms >= 0 && ms < 1e5f);
    (void)GPU(GetLastError)();
}

/* Asking again and again comes to an end. */
static void test_queries(void **) {
    streams s;
    float zero[N] = {};
    device_array<float> data(zero, N);
    for (int i = 0; i < 10; i++) assert_int_equal(launch(add, data.data, 1, s.a), GPU(Success));
    assert_int_equal(GPU(EventRecord)(s.event, s.a), GPU(Success));
    assert_int_equal(launch(add, data.data, 1, s.a), GPU(Success));
    long asked = 0;
    while (GPU(EventQuery)(s.event) == GPU(ErrorNotReady)) assert_true(asked++ < 100000000);
    while (GPU(StreamQuery)(s.a) == GPU(ErrorNotReady)) assert_true(asked++ < 100000000);
    assert_int_equal(GPU(PeekAtLastError)(), GPU(Success)); /* not ready is no error */
    float got[N];
    data.get(got);
    assert_true(got[0] == 11);
}

static void test_graph(void **) {
    streams s;
    float got[N], zero[N] = {};
    device_array<float> data(zero, N), more(1);
    GPU(Graph_t) graph;
    GPU(GraphExec_t) exec;
    assert_int_equal(GPU(StreamBeginCapture)(s.a, GPU(StreamCaptureModeThreadLocal)), GPU(Success));
    assert_int_equal(launch(add, data.data, 3, s.a), GPU(Success));
    assert_int_equal(GPU(EventRecord)(s.event, s.a), GPU(Success)); /* fork to b and join */
    assert_int_equal(GPU(StreamWaitEvent)(s.b, s.event, 0), GPU(Success));
    assert_int_equal(launch(scale, data.data, 2, s.b), GPU(Success));
    assert_int_equal(GPU(EventRecord)(s.other, s.b), GPU(Success));
    assert_int_equal(GPU(StreamWaitEvent)(s.a, s.other, 0), GPU(Success));
    assert_int_equal(GPU(MemcpyAsync)(more.data, data.data, 4, GPU(MemcpyDeviceToDevice), s.a), GPU(Success));
    assert_int_equal(GPU(StreamEndCapture)(s.a, &graph), GPU(Success));
    data.get(got);
    assert_true(got[0] == 0); /* nothing ran */
    assert_int_equal(GPU(GraphInstantiate)(&exec, graph, 0), GPU(Success));
    assert_int_equal(GPU(GraphDestroy)(graph), GPU(Success));
    for (int i = 0; i < 3; i++) assert_int_equal(GPU(GraphLaunch)(exec, s.b), GPU(Success));
    assert_int_equal(GPU(GraphExecDestroy)(exec), GPU(Success)); /* what was launched stays */
    assert_int_equal(GPU(StreamSynchronize)(s.b), GPU(Success));
    data.get(got);
    for (int i = 0; i < N; i++) assert_true(got[i] == 42);
    more.get(got);
    assert_true(got[0] == 42);
}

static void test_capture_forbids(void **) {
    streams s;
    GPU(Graph_t) graph;
    void *memory;
    assert_int_equal(GPU(StreamBeginCapture)(s.a, GPU(StreamCaptureModeThreadLocal)), GPU(Success));
    assert_int_equal(GPU(StreamSynchronize)(s.a), GPU(ErrorStreamCaptureUnsupported));
    assert_int_equal(GPU(StreamEndCapture)(s.a, &graph), GPU(ErrorStreamCaptureInvalidated));
    assert_null(graph);
    assert_int_equal(GPU(StreamBeginCapture)(s.a, GPU(StreamCaptureModeThreadLocal)), GPU(Success));
    assert_int_equal(GPU(Malloc)(&memory, 4), GPU(ErrorStreamCaptureUnsupported));
    assert_int_equal(GPU(StreamEndCapture)(s.a, &graph), GPU(ErrorStreamCaptureInvalidated));
    assert_int_equal(GPU(StreamEndCapture)(s.a, &graph), GPU(ErrorInvalidResourceHandle));
    (void)GPU(GetLastError)();
}

static void test_memory(void **) {
    streams s;
    size_t before, after, total;
    void *memory, *host;
    assert_int_equal(GPU(MemGetInfo)(&before, &total), GPU(Success));
    assert_int_equal(GPU(MallocAsync)(&memory, 5000, s.a), GPU(Success));
    assert_int_equal((uintptr_t)memory % 256, 0);
    assert_int_equal(GPU(MemGetInfo)(&after, &total), GPU(Success));
    assert_int_equal(before - after, 5000);
    assert_int_equal(GPU(MemsetAsync)(memory, 7, 5000, s.a), GPU(Success));
    assert_int_equal(GPU(MallocHost)(&host, 5000), GPU(Success));
    assert_int_equal(GPU(MemcpyAsync)(host, memory, 5000, GPU(MemcpyDefault), s.a), GPU(Success));
    assert_int_equal(GPU(FreeAsync)(memory, s.a), GPU(Success));
    assert_int_equal(GPU(StreamSynchronize)(s.a), GPU(Success));
    for (int i = 0; i < 5000; i++) assert_int_equal(((char *)host)[i], 7);
    assert_int_equal(GPU(MemGetInfo)(&after, &total), GPU(Success));
    assert_int_equal(before, after);
    assert_int_equal(GPU(Free)(host), GPU(ErrorInvalidValue));
    assert_int_equal(GPU(FreeHost)(host), GPU(Success));
    assert_int_equal(GPU(Malloc)(&memory, total + 1), GPU(ErrorMemoryAllocation));
    assert_int_equal(GPU(Malloc)(&memory, 100), GPU(Success));
    char some[200] = {};
    assert_int_equal(GPU(Memcpy)(memory, some, 101, GPU(MemcpyHostToDevice)), GPU(ErrorInvalidValue));
    assert_int_equal(GPU(Memcpy)(memory, some, 100, GPU(MemcpyDeviceToHost)), GPU(ErrorInvalidValue));
    assert_int_equal(GPU(Memcpy)(memory, some, 100, GPU(MemcpyHostToDevice)), GPU(Success));
    assert_int_equal(GPU(Free)(memory), GPU(Success));
    assert_int_equal(GPU(Free)(memory), GPU(ErrorInvalidValue));
    assert_int_equal(GPU(Free)(nullptr), GPU(Success));
    (void)GPU(GetLastError)();
}

static void test_devices(void **) {
    int count, mine, can, value;
    assert_int_equal(GPU(GetDeviceCount)(&count), GPU(Success));
    assert_int_equal(count, 2);
    assert_int_equal(GPU(GetDevice)(&mine), GPU(Success));
    assert_int_equal(GPU(DeviceGetAttribute)(&value, GPU(DevAttrWarpSize), mine), GPU(Success));
    assert_int_equal(value, GPU_LANES);
    assert_int_equal(GPU(SetDevice)(2), GPU(ErrorInvalidDevice));
    assert_int_equal(GPU(DeviceCanAccessPeer)(&can, mine, 1 - mine), GPU(Success));
    assert_true(can);
    assert_int_equal(GPU(DeviceEnablePeerAccess)(1 - mine, 0), GPU(Success));
    assert_int_equal(GPU(DeviceEnablePeerAccess)(1 - mine, 0), GPU(ErrorPeerAccessAlreadyEnabled));
    /* A copy between devices, then a stream of the wrong device. */
    streams s;
    float values[N], got[N];
    for (int i = 0; i < N; i++) values[i] = (float)i;
    device_array<float> here(values, N);
    assert_int_equal(GPU(SetDevice)(1 - mine), GPU(Success));
    {
        device_array<float> there(N);
        assert_int_equal(GPU(MemcpyPeerAsync)(there.data, 1 - mine, here.data, mine, sizeof values, s.a), GPU(Success));
        assert_int_equal(GPU(StreamSynchronize)(s.a), GPU(Success));
        there.get(got);
        assert_memory_equal(values, got, sizeof values);
    }
    assert_int_equal(GPU(SetDevice)(mine), GPU(Success));
    (void)GPU(GetLastError)();
}

/* ---- all blocks at once ---- */

static __global__ void rendezvous(unsigned *counter, float *values, float *out) {
    if (threadIdx.x == 0) {
        values[blockIdx.x] = (float)blockIdx.x + 1;
        __threadfence();
        gpu_add_release(counter, 1);
        while (gpu_load_acquire(counter) < gridDim.x) gpu_pause();
    }
    __syncthreads();
    float sum = 0;
    for (unsigned b = 0; b < gridDim.x; b++) sum += values[b];
    if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

static void test_cooperative(void **) {
    int per_unit, units, device;
    assert_int_equal(GPU(GetDevice)(&device), GPU(Success));
    assert_int_equal(GPU(DeviceGetAttribute)(&units, GPU(DevAttrMultiProcessorCount), device), GPU(Success));
    assert_int_equal(GPU(OccupancyMaxActiveBlocksPerMultiprocessor)(&per_unit, (const void *)rendezvous, 64, 0), GPU(Success));
    unsigned most = (unsigned)(per_unit * units), blocks = most < 20 ? most : 20, zero = 0;
    assert_true(blocks > 4);
    device_array<unsigned> counter(&zero, 1);
    device_array<float> values(blocks), out(blocks);
    void *arguments[] = {&counter.data, &values.data, &out.data};
    assert_int_equal(GPU(LaunchCooperativeKernel)(rendezvous, dim3(blocks), dim3(64), arguments, 0, nullptr), GPU(Success));
    float got[20];
    out.get(got);
    for (unsigned b = 0; b < blocks; b++) assert_true(got[b] == (float)(blocks * (blocks + 1) / 2));
    assert_int_equal(GPU(LaunchCooperativeKernel)(rendezvous, dim3(most + 1), dim3(64), arguments, 0, nullptr),
                     GPU(ErrorCooperativeLaunchTooLarge));
    (void)GPU(GetLastError)();
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_and_lateness),
                                          cmocka_unit_test(test_forgotten_wait),
                                          cmocka_unit_test(test_default_stream),
                                          cmocka_unit_test(test_events),
                                          cmocka_unit_test(test_queries),
                                          cmocka_unit_test(test_graph),
                                          cmocka_unit_test(test_capture_forbids),
                                          cmocka_unit_test(test_memory),
                                          cmocka_unit_test(test_devices),
                                          cmocka_unit_test(test_cooperative)};

} // namespace HDI_GPU_NAMESPACE

int main() { return cmocka_run_group_tests(HDI_GPU_NAMESPACE::tests, use_device, nullptr); }
