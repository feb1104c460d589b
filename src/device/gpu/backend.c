/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the back end, and the one function that its library shows. */
#include "device/gpu/backend.h"

static const hdi_device_vtable vtable = {
    .immediate = false,
    .host_visible = false,
    .count = gpu_count,
    .open = gpu_open,
    .properties = gpu_properties,
    .alloc = gpu_alloc,
    .free = gpu_free,
    .host_alloc = gpu_host_alloc,
    .host_free = gpu_host_free,
    .copy = gpu_copy,
    .set = gpu_set,
    .copy_peer = gpu_copy_peer,
    .synchronize = gpu_synchronize,
    .stream_create = gpu_stream_create,
    .stream_destroy = gpu_stream_destroy,
    .stream_synchronize = gpu_stream_synchronize,
    .copy_async = gpu_copy_async,
    .set_async = gpu_set_async,
    .launch = gpu_launch_kernel,
    .launch_group = gpu_launch_group,
    .capture_begin = gpu_capture_begin,
    .capture_end = gpu_capture_end,
    .graph_launch = gpu_graph_launch,
    .graph_destroy = gpu_graph_destroy,
    .program_create = gpu_program_create,
    .program_launch = gpu_program_launch,
    .program_destroy = gpu_program_destroy,
    .event_create = gpu_event_create,
    .event_destroy = gpu_event_destroy,
    .event_record = gpu_event_record,
    .event_wait = gpu_event_wait,
    .event_synchronize = gpu_event_synchronize,
    .event_elapsed = gpu_event_elapsed,
    .memory_share = gpu_memory_share,
    .memory_open = gpu_memory_open,
    .memory_close = gpu_memory_close,
    .exchange_create = gpu_exchange_create,
    .exchange_destroy = gpu_exchange_destroy,
    .exchange_begin = gpu_exchange_begin,
    .exchange_wait = gpu_exchange_wait,
    .exchange_raise = gpu_exchange_raise,
    .exchange_look = gpu_exchange_look,
    .exchange_stop = gpu_exchange_stop,
};

const hdi_backend *hdi_backend_open(const hdi_backend_host *host) {
    static hdi_backend backend = {.type = GPU_DEVICE_TYPE, .vtable = &vtable};
    backend.abi = hdi_backend_abi();
    if (host->abi != backend.abi) return NULL;
    gpu_set_host(host);
    return &backend;
}
