/* SPDX-License-Identifier: Apache-2.0 */
/* Short words for tests that launch kernels. */
#ifndef HDI_TESTS_GPU_HOST_SUPPORT_H
#define HDI_TESTS_GPU_HOST_SUPPORT_H

#include "kernels/gpu/vendor.h"
#include "unit/cmocka_all.h"

/* The device whose warps have the lanes that this file is built for. */
static inline int use_device(void **) { return GPU(SetDevice)(GPU_LANES == 32 ? 0 : 1); }

/* n elements of device memory, freed with the object. */
template <typename T> struct device_array {
    T *data = nullptr;
    size_t n;
    explicit device_array(size_t count) : n(count) { assert_int_equal(GPU(Malloc)((void **)&data, n * sizeof(T)), GPU(Success)); }
    device_array(const T *from, size_t count) : device_array(count) {
        assert_int_equal(GPU(Memcpy)(data, from, n * sizeof(T), GPU(MemcpyHostToDevice)), GPU(Success));
    }
    device_array(const device_array &) = delete;
    ~device_array() { (void)GPU(Free)(data); }
    void get(T *to) const { assert_int_equal(GPU(Memcpy)(to, data, n * sizeof(T), GPU(MemcpyDeviceToHost)), GPU(Success)); }
};

#endif
