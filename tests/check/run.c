/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a case: scalar against the reference, every ISA against scalar, every way of splitting against one call. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"
#include "kernels/ref.h"

enum { MAX_RANGES = 512 };

sigjmp_buf check_fault_jump;
volatile sig_atomic_t check_fault_armed;

/* A kernel that reads or writes beyond a guard page, or runs an instruction this CPU lacks, fails its case only. */
static void on_fault(int signal_number) {
    if (check_fault_armed) siglongjmp(check_fault_jump, signal_number);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void check_catch_faults(void) {
    static const int list[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) sigaction(list[i], &action, NULL);
}

/* ---- a case ---- */
bool check_begin_case(hdi_check *c, const char *name) {
    uint64_t hash = 1469598103934665603u;
    if (fnmatch(c->glob, name, 0) != 0) return false;
    if (strcmp(c->last_name, name) != 0) { /* another kernel: count its cases and failures anew */
        snprintf(c->last_name, sizeof c->last_name, "%s", name);
        c->case_number = c->fails_printed = 0;
    }
    c->case_number++;
    /* A case depends on seed, kernel and number, not on what else runs. */
    for (const char *p = name; *p; p++) hash = (hash ^ (uint8_t)*p) * 1099511628211u;
    c->state = c->seed * 0x9e3779b97f4a7c15u + hash + (uint64_t)c->case_number * 0xd1b54a32d192ed03u;
    c->name = name;
    c->kernel = HDI_KERNEL_NONE;
    c->n = c->n_steps = 0;
    c->absolute = c->relative = 0;
    c->specials = c->reference_specials = c->exact = c->may_lack = c->order_overflows = c->infinite_for_nan = c->failed_case = c->on_device = false;
    c->inplace_out = c->inplace_in = -1;
    c->mode = "";
    for (int i = 0; i < MAX_OPERANDS; i++) c->operand[i].reference.data = NULL;
    return true;
}

bool hdi_check_begin_custom(hdi_check *c, const char *name, hdi_kernel_work_fn work, const hdi_kernel_fn fns[HDI_ISA_COUNT],
                            const void *attr, size_t attr_bytes) {
    if (!check_begin_case(c, name)) return false;
    c->work_fn = work;
    memcpy(c->fns, fns, sizeof c->fns);
    if (attr_bytes > sizeof c->attr) abort();
    if (attr_bytes) memcpy(c->attr, attr, attr_bytes);
    return true;
}

bool hdi_check_begin(hdi_check *c, hdi_kernel_id id, const void *attr, size_t attr_bytes) {
    hdi_kernel_fn fns[HDI_ISA_COUNT];
    for (int i = 0; i < HDI_ISA_COUNT; i++) fns[i] = hdi_kernel_get_isa(id, (hdi_isa)i);
    if (!hdi_check_begin_custom(c, hdi_kernel_name(id), hdi_kernel_work_of(id), fns, attr, attr_bytes)) return false;
    c->kernel = id;
    return true;
}

void hdi_check_tolerance(hdi_check *c, double absolute, double relative) {
    c->absolute = absolute;
    c->relative = relative;
}
void hdi_check_exact(hdi_check *c) { c->exact = true; }
void hdi_check_reference_specials(hdi_check *c) { c->reference_specials = true; }
void hdi_check_order_overflows(hdi_check *c) { c->order_overflows = true; }
void hdi_check_infinite_for_nan(hdi_check *c) { c->infinite_for_nan = true; }
void hdi_check_inplace(hdi_check *c, int out, int in) {
    c->inplace_out = out;
    c->inplace_in = in;
}
void hdi_check_may_lack(hdi_check *c) { c->may_lack = true; }
bool hdi_check_benching(const hdi_check *c) { return c->bench; }
bool hdi_check_on_device(const hdi_check *c) { return c->device != NULL; }
int64_t hdi_check_bench_rows(const hdi_check *c, int64_t rows) { return c->device ? rows * 256 : rows; }

/* ---- running ---- */
typedef enum split_mode { ONE_CALL, ONE_BY_ONE, RANDOM_RANGES } split_mode;
static const char *const split_names[] = {"in one call", "items one by one", "in random ranges"};

static void bind(const hdi_check *c, hdi_operand *ops) {
    for (int i = 0; i < c->n; i++) ops[i] = c->operand[i].op;
}

/* One range, with fresh poison in the scratch; false when the memory around the scratch changed. */
static bool call_range(hdi_check *c, const hdi_kernel_call *call, int64_t begin, int64_t end, size_t scratch) {
    size_t room = (scratch + 63) / 64 * 64;
    uint8_t *mem = arena_take(&c->scratch, room + GUARD), *place = mem + c->scratch.bytes - room; /* ends at the page */
    memset(place - GUARD, 0x3c, GUARD + room);
    c->fns[c->isa](call, begin, end, place);
    for (size_t i = 0; i < GUARD; i++)
        if (place[-1 - (int)i] != 0x3c) {
            check_report(c, "wrote %zu bytes before the scratch", i + 1);
            return false;
        }
    for (size_t i = scratch; i < room; i++)
        if (place[i] != 0x3c) {
            check_report(c, "wrote behind its %zu bytes of scratch", scratch);
            return false;
        }
    return true;
}

static bool call_split(hdi_check *c, const hdi_kernel_call *call, split_mode split) {
    hdi_kernel_work work = {0};
    int64_t begin[MAX_RANGES + 1];
    int n = 0;
    c->work_fn(call, &work);
    if (work.items < 0 || work.grain < 1) {
        check_report(c, "work says %lld items of grain %lld", (long long)work.items, (long long)work.grain);
        return false;
    }
    if (split == ONE_CALL || work.items < 2) return call_range(c, call, 0, work.items, work.scratch);
    for (int64_t at = 0; at < work.items && n < MAX_RANGES; n++) {
        begin[n] = at;
        at += split == ONE_BY_ONE ? 1 : hdi_check_int(c, 1, work.items < 8 ? work.items : work.items / 3);
    }
    begin[n] = work.items;
    int order[MAX_RANGES];
    for (int i = 0; i < n; i++) order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        int j = (int)hdi_check_int(c, 0, i), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (int i = 0; i < n; i++)
        if (!call_range(c, call, begin[order[i]], begin[order[i] + 1], work.scratch)) return false;
    return true;
}

/* A call that may fault. volatile: locals read after the jump. */
static bool call_safely(hdi_check *c, const hdi_kernel_call *call, split_mode split) {
    c->mode = split_names[split];
    int fault = sigsetjmp(check_fault_jump, 1);
    if (fault) {
        check_fault_armed = 0;
        check_report(c,
                     "died of signal %d (%s): it went past the end or the beginning of an operand, or used an instruction that "
                     "this CPU lacks",
                     fault, strsignal(fault));
        return false;
    }
    check_fault_armed = 1;
    bool held = call_split(c, call, split);
    check_fault_armed = 0;
    return held;
}

static bool run_split(hdi_check *c, split_mode split, int poison) {
    hdi_operand ops[HDI_MAX_OPERANDS];
    hdi_kernel_call call = {.operand = ops, .attr = c->attr, .n_operands = c->n};
    bind(c, ops);
    check_poison(c, poison);
    if (!call_safely(c, &call, split) || !compare_surroundings(c)) return false;
    if (c->isa == HDI_ISA_SCALAR && split == ONE_CALL) {
        for (int i = 0; i < c->n; i++) {
            operand *o = &c->operand[i];
            if (operand_is_result(o)) memcpy(o->expected, o->window, o->window_bytes);
        }
        return true;
    }
    for (int i = 0; i < c->n; i++)
        if (operand_is_result(&c->operand[i]) && !compare_expected(c, &c->operand[i].op, i)) return false;
    return true;
}

/* Output and input are one: a copy of the input's memory. */
static bool run_inplace(hdi_check *c) {
    hdi_operand ops[HDI_MAX_OPERANDS];
    hdi_kernel_call call = {.operand = ops, .attr = c->attr, .n_operands = c->n};
    const operand *in = &c->operand[c->inplace_in];
    if (in->span == 0) return true;
    bind(c, ops);
    check_poison(c, 0x11);
    uint8_t *mem = arena_take(&c->copy, in->span);
    memcpy(mem, in->op.data, in->span);
    ops[c->inplace_in].data = mem;
    ops[c->inplace_out] = ops[c->inplace_in];
    if (!call_safely(c, &call, RANDOM_RANGES)) return false;
    c->mode = "in place";
    return compare_surroundings(c) && compare_expected(c, &ops[c->inplace_out], c->inplace_out);
}

/* The reference on dense outputs of its own, which the operands keep until the case ends. */
static void run_reference(hdi_check *c, hdi_check_ref_fn ref) {
    hdi_operand ops[HDI_MAX_OPERANDS];
    hdi_kernel_call call = {.operand = ops, .attr = c->attr, .n_operands = c->n};
    bind(c, ops);
    check_poison(c, 0);
    for (int i = 0; i < c->n; i++) {
        if (!operand_is_result(&c->operand[i])) continue;
        hdi_operand *op = &ops[i], first = *op;
        bool real = op->dtype == HD_DTYPE_F32 || op->dtype == HD_DTYPE_F16 || op->dtype == HD_DTYPE_BF16;
        int64_t stride = 1;
        if (real) op->dtype = HD_DTYPE_F64;
        for (int d = op->rank - 1; d >= 0; d--) {
            op->stride[d] = stride;
            stride *= op->shape[d];
        }
        op->data = calloc((size_t)stride + 1, 8);
        if (!op->data) abort();
        for (int64_t k = 0, n = operand_count(op); k < n && c->operand[i].role == ROLE_INOUT; k++) {
            hdi_operand from = first;
            from.data = (uint8_t *)first.data + operand_offset(&first, k);
            if (real)
                ((double *)op->data)[k] = hdi_ref_get(&from, 0);
            else
                memcpy((uint8_t *)op->data + operand_offset(op, k), from.data, hd_dtype_block_bytes((hd_dtype)op->dtype));
        }
        c->operand[i].reference = *op;
    }
    ref(&call);
}

void check_free_references(hdi_check *c) {
    for (int i = 0; i < c->n; i++) {
        free(c->operand[i].reference.data);
        c->operand[i].reference.data = NULL;
    }
}

/* What the scalar run left, against the reference. */
static bool compare_scalar(hdi_check *c) {
    c->mode = "against the reference";
    for (int i = 0; i < c->n; i++) {
        hdi_operand got = c->operand[i].op;
        got.data = c->operand[i].expected + c->operand[i].at;
        if (c->operand[i].reference.data && !compare_reference(c, &got, i)) return false;
    }
    return true;
}

void check_count(hdi_check *c, bool held) {
    if (held)
        c->passed++;
    else
        c->failed++;
}

/* Every ISA under test, in every way of splitting. */
static bool run_isas(hdi_check *c) {
    bool all = true;
    for (int isa = 0; isa < HDI_ISA_COUNT; isa++) {
        if (!c->isa_on[isa] || !c->fns[isa]) continue;
        c->isa = (hdi_isa)isa;
        bool held = (isa == HDI_ISA_SCALAR || run_split(c, ONE_CALL, 0xc3)) && run_split(c, ONE_BY_ONE, 0x77) &&
                    run_split(c, RANDOM_RANGES, 0) && run_split(c, RANDOM_RANGES, 0xff);
        if (held && c->inplace_out >= 0) held = run_inplace(c);
        check_count(c, held);
        all = all && held;
    }
    return all;
}

bool hdi_check_run(hdi_check *c, hdi_check_ref_fn ref) {
    check_snapshot(c);
    c->isa = HDI_ISA_SCALAR;
    bool held = run_split(c, ONE_CALL, 0x5a), meaningful = !c->specials || c->reference_specials;
    if (held && ref && (meaningful || c->device)) run_reference(c, ref);
    if (held && meaningful) held = compare_scalar(c);
    if (!held) /* nothing to compare the others with */
        check_count(c, false);
    else if (c->device)
        check_count(c, held = c->device_run(c));
    else
        held = run_isas(c);
    check_free_references(c);
    return held;
}
