/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the check program: the state of a case, shared by its parts (operands, run, compare, bench, main). */
#ifndef HEDDLE_TESTS_HARNESS_H
#define HEDDLE_TESTS_HARNESS_H

#include <setjmp.h>
#include <signal.h>

#include "check/check.h"

enum { GUARD = 256 }; /* bytes looked at on both sides of an operand */

typedef enum operand_role { ROLE_INPUT, ROLE_OUTPUT, ROLE_INOUT, ROLE_ALIAS, ROLE_ABSENT } operand_role;

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
    size_t at, span;   /* the operand in the window */
    uint8_t *snapshot; /* inputs: what the window held before; outputs: the poison (or first state) of the present run */
    uint8_t *expected; /* outputs: the window after the scalar run */
    uint8_t *mask;     /* outputs: 1 for bytes that belong to an element */
    size_t room;       /* bytes that snapshot, expected and mask can hold */
} operand;

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
    uint8_t attr[256];
    operand operand[HDI_MAX_OPERANDS];
    int n;
    double absolute, relative;
    bool specials, reference_specials, exact, failed_case;
    int inplace_out, inplace_in; /* -1: none */
    arena scratch, copy;         /* copy: memory of in-place runs */
    hdi_isa isa;                 /* being run */
    const char *mode;            /* how: "one call", "one by one", ... */
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

/* compare.c: these print and mark the case failed on the first difference */
bool compare_surroundings(hdi_check *c);
bool compare_expected(hdi_check *c, const hdi_operand *got, int index);
bool compare_reference(hdi_check *c, const hdi_operand *got, const hdi_operand *ref, int index);
void check_report(hdi_check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* run.c */
extern sigjmp_buf check_fault_jump;
extern volatile sig_atomic_t check_fault_armed;
void check_catch_faults(void);

#endif
