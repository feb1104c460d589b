/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of devices. Devices are added and never removed, so that a pointer to one is good for the whole process. */
#include "device/device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/backend.h"

static const char *const type_names[HD_DEVICE_TYPE_COUNT] = {"cpu", "cuda", "maca", "host"};

static hd_device cpu = {.vtable = &hdi_cpu_vtable, .type = HD_DEVICE_CPU, .index = 0, .ordinal = 0};

/* `lock` guards the table; entries below `total` never change. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static hd_device *devices[HDI_MAX_DEVICES] = {&cpu};
static int32_t total = 1;
static bool registered[HD_DEVICE_TYPE_COUNT] = {[HD_DEVICE_CPU] = true};

const hd_device *hdi_device_cpu(void) { return &cpu; }

int32_t hdi_device_total(void) {
    pthread_mutex_lock(&lock);
    int32_t n = total;
    pthread_mutex_unlock(&lock);
    return n;
}

const hd_device *hdi_device_at(int32_t ordinal) { return ordinal >= 0 && ordinal < hdi_device_total() ? devices[ordinal] : NULL; }

/* Opens the devices of a back end into `fresh`; the caller holds the lock. */
static hd_status open_all(hd_device_type type, const hdi_device_vtable *vtable, int32_t count, hd_device **fresh) {
    for (int32_t i = 0; i < count; i++) {
        HD_TRY(hdi_calloc(&fresh[i], 1, sizeof *fresh[i], "a device"));
        *fresh[i] = (hd_device){.vtable = vtable, .type = type, .index = i, .ordinal = total + i};
        hd_status status = vtable->open(fresh[i]);
        if (status != HD_OK) return hdi_fail_prefix(status, "opening %s", hdi_device_text(fresh[i]));
    }
    return HD_OK;
}

static hd_status register_locked(hd_device_type type, const hdi_device_vtable *vtable) {
    hd_device *fresh[HDI_MAX_DEVICES] = {NULL};
    int32_t count = 0;
    HD_REQUIRE(!registered[type], HD_INVALID_ARGUMENT, "a back end for %s devices is registered already", type_names[type]);
    HD_TRY(vtable->count(&count));
    HD_REQUIRE(count >= 0 && count <= HDI_MAX_DEVICES - total, HD_EXHAUSTED,
               "there are %d %s devices; a process can use %d in all", count, type_names[type], HDI_MAX_DEVICES);
    hd_status status = open_all(type, vtable, count, fresh);
    if (status != HD_OK) {
        for (int32_t i = 0; i < count; i++) hdi_free(fresh[i]);
        return status;
    }
    memcpy(devices + total, fresh, (size_t)count * sizeof *fresh);
    total += count;
    registered[type] = true;
    return HD_OK;
}

hd_status hdi_device_register(hd_device_type type, const hdi_device_vtable *vtable) {
    HD_REQUIRE((unsigned)type < HD_DEVICE_TYPE_COUNT, HD_INVALID_ARGUMENT, "%d is no type of device", (int)type);
    pthread_mutex_lock(&lock);
    hd_status status = register_locked(type, vtable);
    pthread_mutex_unlock(&lock);
    return status;
}

const char *hd_device_type_name(hd_device_type type) { return (unsigned)type < HD_DEVICE_TYPE_COUNT ? type_names[type] : "?"; }

const char *hdi_device_text(const hd_device *device) {
    static _Thread_local char ring[4][32];
    static _Thread_local unsigned turn;
    char *text = ring[turn++ % HDI_COUNTOF(ring)];
    if (device->type == HD_DEVICE_CPU && device->index == 0) return "cpu";
    snprintf(text, sizeof ring[0], "%s:%d", hd_device_type_name(device->type), device->index);
    return text;
}

int32_t hd_device_count(hd_device_type type) {
    int32_t n = 0;
    hdi_backend_load(type);
    for (int32_t i = 0, all = hdi_device_total(); i < all; i++) n += devices[i]->type == type;
    return n;
}

/* "cpu, cuda:0, cuda:1" */
static void list_devices(char *text, size_t size) {
    size_t n = 0;
    text[0] = 0;
    for (int32_t i = 0, all = hdi_device_total(); i < all && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "", hdi_device_text(devices[i]));
}

/* `type`: what kind of device the name asks for; HD_DEVICE_TYPE_COUNT for none that there is. */
static hd_status not_there(const char *name, hd_device_type type) {
    char have[512];
    const char *why = hd_device_absence(type);
    if (why) return hdi_fail(HD_NOT_FOUND, "there is no device \"%.40s\": %s", name, why);
    list_devices(have, sizeof have);
    return hdi_fail(HD_NOT_FOUND, "there is no device \"%.40s\"; this machine has: %s", name, have);
}

static const hd_device *find(hd_device_type type, int64_t index) {
    for (int32_t i = 0, all = hdi_device_total(); i < all; i++)
        if (devices[i]->type == type && devices[i]->index == index) return devices[i];
    return NULL;
}

hd_status hd_device_get(hd_device_type type, int32_t index, const hd_device **out) {
    hdi_backend_load(type);
    const hd_device *device = find(type, index);
    if (!device) {
        char name[40];
        snprintf(name, sizeof name, "%s:%d", hd_device_type_name(type), index);
        return not_there(name, type);
    }
    *out = device;
    return HD_OK;
}

/* The number after the colon of "cuda:1": digits only, at most six; -1 for anything else. */
static int64_t parse_index(const char *digits) {
    size_t n = strspn(digits, "0123456789");
    return n == 0 || n > 6 || digits[n] ? -1 : strtol(digits, NULL, 10);
}

hd_status hd_device_parse(const char *name, const hd_device **out) {
    HD_REQUIRE(name, HD_INVALID_ARGUMENT, "no device name was given");
    size_t n = strcspn(name, ":");
    for (int type = 0; type < HD_DEVICE_TYPE_COUNT; type++) {
        if (strlen(type_names[type]) != n || memcmp(type_names[type], name, n) != 0) continue;
        hdi_backend_load((hd_device_type)type);
        const hd_device *device = find((hd_device_type)type, name[n] ? parse_index(name + n + 1) : 0);
        if (!device) return not_there(name, (hd_device_type)type);
        *out = device;
        return HD_OK;
    }
    return not_there(name, HD_DEVICE_TYPE_COUNT);
}

hd_device_type hd_device_get_type(const hd_device *device) { return device->type; }
int32_t hd_device_get_index(const hd_device *device) { return device->index; }

hd_status hd_device_get_properties(const hd_device *device, hd_device_properties *out) {
    HD_REQUIRE(device && out, HD_INVALID_ARGUMENT,
               "hd_device_get_properties: a device and a place for its properties are needed");
    memset(out, 0, sizeof *out);
    return device->vtable->properties(device, out);
}
