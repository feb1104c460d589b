/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the check program: the state of a case, shared by its parts (operands, run, compare, bench, main). */
#ifndef HEDDLE_TESTS_HARNESS_H
#define HEDDLE_TESTS_HARNESS_H

#include <setjmp.h>
#include <signal.h>

#include "check/check.h"

enum {
    GUARD = 256,       /* bytes looked at on both sides of an operand */
    MAX_OPERANDS = 48, /* of a case: a group has those of all its steps */
    MAX_ATTR = 256
};

/* TEMP: what flows between steps of a group; afterwards it may hold anything. */
typedef enum operand_role { ROLE_INPUT, ROLE_OUTPUT, ROLE_INOUT, ROLE_ALIAS, ROLE_ABSENT, ROLE_TEMP } operand_role;

/* A stretch of memory between two pages that fault. Kept and reused from case to case. */
typedef struct arena {
    uint8_t *map, *mem; /* the mapping; the usable bytes in it */
    size_t bytes;
} arena;

typedef struct operand {
    hdi_operand op;
    operand_role role;
    int alias_of;
    arena arena;
    uint8_t *window; /* guard, operand, guard */
    size_t window_bytes;
    size_t at, span;       /* the operand in the window */
    uint8_t *snapshot;     /* inputs: what the window held before; outputs: the poison (or first state) of the present run */
    uint8_t *expected;     /* outputs: the window after the scalar run */
    uint8_t *mask;         /* outputs: 1 for bytes that belong to an element */
    size_t room;           /* bytes that snapshot, expected and mask can hold */
    hdi_operand reference; /* outputs: dense, what the reference gives; data == NULL: there is none */
    uint8_t *device;       /* the window in the memory of the device under test */
    void *device_block;    /* the allocation that it lies in */
    size_t device_room;    /* of this many bytes */
} operand;

/* A step of a group's case. */
typedef struct group_step {
    hdi_kernel_id id;
    hdi_operand operand[HDI_MAX_OPERANDS];
    int n_operands;
    uint8_t attr[MAX_ATTR];
} group_step;

/* A device under test (device.c). */
typedef struct device_test {
    const struct hd_device *device;
    void *stream;
    const char *name;
    void *inplace; /* memory of in-place runs */
    size_t inplace_room;
    int64_t lacks[HDI_KERNEL_COUNT]; /* cases that it had no kernel for */
    double copy_rate;                /* bytes read and written a second, measured; 0: not yet */
} device_test;

struct hdi_check {
    uint64_t seed, state;
    const char *glob;           /* --kernel */
    bool isa_on[HDI_ISA_COUNT]; /* ISAs under test */
    bool bench, quiet;
    int64_t passed, failed;

    /* the case */
    const char *name;
    int case_number, fails_printed;
    char last_name[64];
    hdi_kernel_work_fn work_fn;
    hdi_kernel_fn fns[HDI_ISA_COUNT];
    uint8_t attr[MAX_ATTR];
    hdi_kernel_id kernel; /* HDI_KERNEL_NONE: functions that are in no table */
    operand operand[MAX_OPERANDS];
    int n;
    double absolute, relative;
    bool specials, reference_specials, exact, may_lack, order_overflows, infinite_for_nan, failed_case;
    int inplace_out, inplace_in; /* -1: none */
    arena scratch, copy;         /* copy: memory of in-place runs */
    hdi_isa isa;                 /* being run */
    const char *mode;            /* how: "one call", "one by one", ... */

    /* the case of a group */
    int group; /* hdi_group_kind */
    group_step *step;
    int n_steps;

    /* a device under test, and what runs a case and a bench on it; NULL: the instruction sets of the CPU are under test */
    device_test *device;
    bool (*device_run)(hdi_check *c);
    void (*device_bench)(hdi_check *c, double bytes, double flops);
    bool on_device; /* running there */
};

/* operands.c */
void check_release(hdi_check *c);
void check_snapshot(hdi_check *c);         /* after the operands are complete: remembers what inputs hold, makes masks */
void check_poison(hdi_check *c, int byte); /* puts outputs back to poison or their first state */
uint8_t *arena_take(arena *a, size_t bytes);
size_t dtype_bytes(const hdi_operand *op, int64_t elements);
int64_t operand_count(const hdi_operand *op);             /* elements; blocks of block types */
int64_t operand_offset(const hdi_operand *op, int64_t i); /* bytes from data of element (block) i in row-major order */
void operand_index_text(const hdi_operand *op, int64_t i, char *text, size_t size);

bool operand_has_window(const operand *o); /* it has memory of its own */
bool operand_is_result(const operand *o);  /* what it holds after a run is looked at */

/* compare.c: these print and mark the case failed on the first difference */
bool compare_surroundings(hdi_check *c);
bool compare_expected(hdi_check *c, const hdi_operand *got, int index);
bool compare_reference(hdi_check *c, const hdi_operand *got, int index);
bool compare_device(hdi_check *c, int index);
void check_report(hdi_check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* run.c */
extern sigjmp_buf check_fault_jump;
extern volatile sig_atomic_t check_fault_armed;
void check_catch_faults(void);
bool check_begin_case(hdi_check *c, const char *name); /* false: --kernel leaves it out */
void check_count(hdi_check *c, bool held);
void check_free_references(hdi_check *c);

/* bench.c */
void check_print_case(const hdi_check *c);

/* device.c */
bool check_device_open(hdi_check *c, const struct hd_device *device, const char *name); /* prints why not */
void check_device_close(hdi_check *c);
/* Prints the kernels that the device lacked. */
void check_device_report(const hdi_check *c);

#endif
