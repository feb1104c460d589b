/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the image of another process's trace; what is taken in is counted, sorted and handed on. */
#include <stdint.h>
#include <stdlib.h>

#include "heddle/trace.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const hd_trace_options options = {.spans = 4};
    hd_trace *trace;
    hd_trace_kind *kinds = NULL;
    hd_trace_info info;
    size_t n = 0;
    if (hd_trace_create(&options, &trace) != HD_OK) abort();
    hd_status status = hd_trace_import(trace, data, size, "rank 1", 0);
    if (status != HD_OK && !hd_last_error()[0]) abort();
    if (hd_trace_get_info(trace, &info) != HD_OK || (status != HD_OK && info.spans)) abort();
    if (hd_trace_kinds(trace, 0, &kinds, &n) != HD_OK || n > info.spans) abort();
    hd_free(kinds);
    hd_trace_destroy(trace);
    return 0;
}
