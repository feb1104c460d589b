/* SPDX-License-Identifier: Apache-2.0 */
/* The operands of a case: memory between pages that fault, invented strides and places, and what they hold. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/float16.h"
#include "check/harness.h"

const int64_t hdi_check_sizes[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17,  18,  19,
                                   20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 63, 64, 65, 100, 257, 1000};
const int hdi_check_n_sizes = (int)(sizeof hdi_check_sizes / sizeof *hdi_check_sizes);

/* ---- random numbers (SplitMix64, Steele et al. 2014) ---- */
uint64_t hdi_check_random(hdi_check *c) {
    uint64_t z = c->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
int64_t hdi_check_int(hdi_check *c, int64_t lo, int64_t hi) {
    return lo + (int64_t)(hdi_check_random(c) % (uint64_t)(hi - lo + 1));
}
double hdi_check_real(hdi_check *c, double lo, double hi) {
    return lo + (hi - lo) * ((double)(hdi_check_random(c) >> 11) * 0x1p-53);
}

/* ---- memory ---- */
static void *need(void *p) {
    if (!p || p == MAP_FAILED) {
        fprintf(stderr, "heddle-check: out of memory\n");
        exit(2);
    }
    return p;
}

/* At least `bytes` usable bytes between two pages without access. */
uint8_t *arena_take(arena *a, size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (a->bytes >= bytes && a->mem) return a->mem;
    if (a->map) munmap(a->map, a->bytes + 2 * page);
    a->bytes = (bytes / page + 1) * page;
    a->map = need(mmap(NULL, a->bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    a->mem = a->map + page;
    if (mprotect(a->mem, a->bytes, PROT_READ | PROT_WRITE) != 0) need(NULL);
    return a->mem;
}

static void arena_free(arena *a) {
    if (a->map) munmap(a->map, a->bytes + 2 * (size_t)sysconf(_SC_PAGESIZE));
    *a = (arena){0};
}

void check_release(hdi_check *c) {
    for (int i = 0; i < MAX_OPERANDS; i++) {
        operand *o = &c->operand[i];
        arena_free(&o->arena);
        free(o->snapshot);
        free(o->expected);
        free(o->mask);
        memset(o, 0, sizeof *o);
    }
    arena_free(&c->scratch);
    arena_free(&c->copy);
}

/* ---- shapes ---- */
static int64_t block_of(const hdi_operand *op) { return hd_dtype_block_elements((hd_dtype)op->dtype); }

size_t dtype_bytes(const hdi_operand *op, int64_t elements) {
    return (size_t)(elements / block_of(op)) * hd_dtype_block_bytes((hd_dtype)op->dtype);
}

int64_t operand_count(const hdi_operand *op) {
    int64_t n = 1;
    for (int i = 0; i < op->rank; i++) n *= op->shape[i];
    return n / block_of(op);
}

int64_t operand_offset(const hdi_operand *op, int64_t i) {
    int64_t block = block_of(op), offset = 0;
    for (int d = op->rank - 1; d >= 0; d--) {
        int64_t size = d == op->rank - 1 ? op->shape[d] / block : op->shape[d], step = d == op->rank - 1 ? block : 1;
        offset += i % size * step * op->stride[d];
        i /= size;
    }
    return (int64_t)dtype_bytes(op, offset);
}

void operand_index_text(const hdi_operand *op, int64_t i, char *text, size_t size) {
    int64_t index[HD_MAX_DIMS];
    size_t n = 0;
    for (int d = op->rank - 1; d >= 0; d--) {
        int64_t extent = d == op->rank - 1 ? op->shape[d] / block_of(op) : op->shape[d];
        index[d] = i % extent;
        i /= extent;
    }
    n += (size_t)snprintf(text, size, "[");
    for (int d = 0; d < op->rank && n < size; d++)
        n += (size_t)snprintf(text + n, size - n, "%s%lld", d ? ", " : "", (long long)index[d]);
    if (n < size) snprintf(text + n, size - n, "]");
}

/* Strides within `freedom`: dims in some order, innermost first, with gaps between them. */
static void invent_strides(hdi_check *c, hdi_operand *op, hdi_freedom freedom) {
    int order[HD_MAX_DIMS], rank = op->rank, first = freedom == HDI_ANY ? 0 : 1;
    bool gaps = freedom != HDI_DENSE && hdi_check_int(c, 0, 2) != 0;
    int64_t stride = 1;
    for (int i = 0; i < rank; i++) order[i] = rank - 1 - i;
    if (gaps && hdi_check_int(c, 0, 2) == 0)
        for (int i = rank - 1; i > first; i--) { /* shuffle what may move */
            int j = (int)hdi_check_int(c, first, i), t = order[i];
            order[i] = order[j];
            order[j] = t;
        }
    if (gaps && freedom == HDI_ANY) stride = hdi_check_int(c, 1, 3);
    for (int i = 0; i < rank; i++) {
        int d = order[i];
        op->stride[d] = stride;
        stride *= op->shape[d] > 0 ? op->shape[d] : 1;
        if (gaps) stride += hdi_check_int(c, 0, 5) * block_of(op);
    }
}

/* Finds a place for `o` of o->span bytes: against the page after it, against the page before it, or somewhere between. */
static void place(hdi_check *c, operand *o, size_t alignment) {
    uint8_t *mem = arena_take(&o->arena, o->span + 2 * GUARD + 64), *end = mem + o->arena.bytes, *data;
    switch (alignment >= 64 ? 1 : hdi_check_int(c, 0, 2)) {
    case 0:
        data = end - o->span;
        break;
    case 1:
        data = mem;
        break;
    default:
        data = mem + GUARD / 2 + (size_t)hdi_check_int(c, 0, 63) / alignment * alignment;
        break;
    }
    uint8_t *from = data - mem > GUARD ? data - GUARD : mem;
    uint8_t *to = end - (data + o->span) > GUARD ? data + o->span + GUARD : end;
    o->window = from;
    o->window_bytes = (size_t)(to - from);
    o->at = (size_t)(data - from);
    o->op.data = data;
    if (o->room < o->window_bytes) {
        o->room = o->window_bytes + o->window_bytes / 2;
        o->snapshot = need(realloc(o->snapshot, o->room));
        o->expected = need(realloc(o->expected, o->room));
        o->mask = need(realloc(o->mask, o->room));
    }
    memset(o->window, 0xff, o->window_bytes); /* NaN in every float type: reading it shows */
}

static operand *add(hdi_check *c, operand_role role, hd_dtype dtype, int rank, const int64_t *shape) {
    if (c->n >= MAX_OPERANDS) abort();
    operand *o = &c->operand[c->n++];
    o->role = role;
    o->op = (hdi_operand){.dtype = (uint8_t)dtype, .rank = (uint8_t)rank};
    for (int i = 0; i < rank; i++) o->op.shape[i] = shape[i];
    return o;
}

static size_t span_of(const hdi_operand *op) {
    int64_t last = 0;
    if (operand_count(op) == 0) return 0;
    for (int d = 0; d < op->rank; d++) last += (op->shape[d] - (d == op->rank - 1 ? block_of(op) : 1)) * op->stride[d];
    return dtype_bytes(op, last) + hd_dtype_block_bytes((hd_dtype)op->dtype);
}

static size_t alignment_of(const hdi_operand *op) {
    size_t bytes = hd_dtype_block_bytes((hd_dtype)op->dtype);
    return block_of(op) > 1 ? 2 : bytes; /* blocks hold f16 scales */
}

/* ---- contents ---- */
static double special(hdi_check *c) {
    static const double list[] = {NAN,      INFINITY,       -INFINITY,       0.0,   -0.0,   1e-40,
                                  -1e-45,   0x1.fffffep127, -0x1.fffffep127, 65504, -65520, 6e-8,
                                  0x1p-126, 88.8,           -103.9,          1,     -1};
    return list[hdi_check_int(c, 0, (int64_t)(sizeof list / sizeof *list) - 1)];
}

static double draw(hdi_check *c, hdi_fill fill) {
    if (fill.kind == HDI_FILL_UNIFORM) return hdi_check_real(c, fill.lo, fill.hi);
    if (fill.kind == HDI_FILL_SPECIAL && hdi_check_int(c, 0, 3) == 0) return special(c);
    double u = hdi_check_real(c, 0x1p-53, 1), v = hdi_check_real(c, 0, 1);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v) * fill.hi;
}

static void put(uint8_t *p, hd_dtype dtype, double x) {
    union {
        uint8_t u8;
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        uint64_t u64;
        float f;
        double d;
    } v;
    switch (dtype) {
    case HD_DTYPE_F32:
        v.f = (float)x;
        break;
    case HD_DTYPE_F64:
        v.d = x;
        break;
    case HD_DTYPE_F16:
        v.u16 = hdi_f32_to_f16((float)x);
        break;
    case HD_DTYPE_BF16:
        v.u16 = hdi_f32_to_bf16((float)x);
        break;
    case HD_DTYPE_F8_E4M3:
        v.u8 = hdi_f32_to_f8_e4m3((float)x);
        break;
    case HD_DTYPE_F8_E5M2:
        v.u8 = hdi_f32_to_f8_e5m2((float)x);
        break;
    case HD_DTYPE_BOOL:
        v.u8 = x != 0;
        break;
    case HD_DTYPE_I8:
        v.i8 = (int8_t)floor(x);
        break;
    case HD_DTYPE_U8:
        v.u8 = (uint8_t)floor(x);
        break;
    case HD_DTYPE_I16:
        v.i16 = (int16_t)floor(x);
        break;
    case HD_DTYPE_U16:
        v.u16 = (uint16_t)floor(x);
        break;
    case HD_DTYPE_I32:
        v.i32 = (int32_t)floor(x);
        break;
    case HD_DTYPE_U32:
        v.u32 = (uint32_t)floor(x);
        break;
    case HD_DTYPE_I64:
        v.i64 = (int64_t)floor(x);
        break;
    default:
        v.u64 = (uint64_t)floor(x);
        break;
    }
    memcpy(p, &v, hd_dtype_block_bytes(dtype));
}

static void fill_operand(hdi_check *c, operand *o, hdi_fill fill) {
    size_t bytes = hd_dtype_block_bytes((hd_dtype)o->op.dtype);
    bool bits = fill.kind == HDI_FILL_BITS || block_of(&o->op) > 1;
    if (fill.kind == HDI_FILL_SPECIAL) c->specials = true;
    if (o->span == 0) return;
    for (int64_t i = 0, n = operand_count(&o->op); i < n; i++) {
        uint8_t *p = (uint8_t *)o->op.data + operand_offset(&o->op, i);
        for (size_t b = 0; bits && b < bytes; b++) p[b] = (uint8_t)hdi_check_random(c);
        if (o->op.dtype == HD_DTYPE_BOOL && bits) *p &= 1;
        if (!bits) put(p, (hd_dtype)o->op.dtype, draw(c, fill));
    }
}

/* ---- the operands of a case ---- */
static operand *add_invented(hdi_check *c, operand_role role, hd_dtype dtype, hdi_freedom freedom, int rank,
                             const int64_t *shape) {
    operand *o = add(c, role, dtype, rank, shape);
    invent_strides(c, &o->op, freedom);
    o->span = span_of(&o->op);
    place(c, o, alignment_of(&o->op));
    return o;
}

hdi_operand *hdi_check_out(hdi_check *c, hd_dtype dtype, hdi_freedom freedom, int rank, const int64_t *shape) {
    return &add_invented(c, ROLE_OUTPUT, dtype, freedom, rank, shape)->op;
}

hdi_operand *hdi_check_temp(hdi_check *c, hd_dtype dtype, hdi_freedom freedom, int rank, const int64_t *shape) {
    return &add_invented(c, ROLE_TEMP, dtype, freedom, rank, shape)->op;
}

hdi_operand *hdi_check_in(hdi_check *c, hd_dtype dtype, hdi_freedom freedom, hdi_fill fill, int rank, const int64_t *shape) {
    operand *o = add_invented(c, ROLE_INPUT, dtype, freedom, rank, shape);
    fill_operand(c, o, fill);
    return &o->op;
}

hdi_operand *hdi_check_inout(hdi_check *c, hd_dtype dtype, hdi_freedom freedom, hdi_fill fill, int rank, const int64_t *shape) {
    operand *o = add_invented(c, ROLE_INOUT, dtype, freedom, rank, shape);
    fill_operand(c, o, fill);
    return &o->op;
}

hdi_operand *hdi_check_in_strided(hdi_check *c, hd_dtype dtype, hdi_fill fill, int rank, const int64_t *shape,
                                  const int64_t *stride) {
    operand *o = add(c, ROLE_INPUT, dtype, rank, shape);
    for (int i = 0; i < rank; i++) o->op.stride[i] = stride[i];
    o->span = span_of(&o->op);
    place(c, o, alignment_of(&o->op));
    fill_operand(c, o, fill);
    return &o->op;
}

hdi_operand *hdi_check_alias(hdi_check *c, int of) {
    operand *o = add(c, ROLE_ALIAS, (hd_dtype)c->operand[of].op.dtype, 0, NULL);
    o->op = c->operand[of].op;
    o->alias_of = of;
    return &o->op;
}

void hdi_check_absent(hdi_check *c) { add(c, ROLE_ABSENT, HD_DTYPE_F32, 0, NULL); }

hdi_operand *hdi_check_opaque(hdi_check *c, hd_dtype dtype, hdi_layout layout, size_t bytes, int rank, const int64_t *shape) {
    operand *o = add(c, ROLE_INPUT, dtype, rank, shape);
    o->op.layout = (uint8_t)layout;
    o->span = bytes;
    place(c, o, 64);
    memset(o->op.data, 0, bytes);
    return &o->op;
}

/* ---- around a run ---- */
bool operand_has_window(const operand *o) { return o->role != ROLE_ABSENT && o->role != ROLE_ALIAS; }
bool operand_is_result(const operand *o) { return o->role == ROLE_OUTPUT || o->role == ROLE_INOUT; }

void check_snapshot(hdi_check *c) {
    for (int i = 0; i < c->n; i++) {
        operand *o = &c->operand[i];
        if (!operand_has_window(o)) continue;
        memcpy(o->snapshot, o->window, o->window_bytes);
        if (o->role == ROLE_INPUT) continue;
        size_t bytes = hd_dtype_block_bytes((hd_dtype)o->op.dtype);
        memset(o->mask, 0, o->window_bytes);
        for (int64_t k = 0, n = operand_count(&o->op); k < n; k++) memset(o->mask + o->at + operand_offset(&o->op, k), 1, bytes);
    }
}

void check_poison(hdi_check *c, int byte) {
    for (int i = 0; i < c->n; i++) {
        operand *o = &c->operand[i];
        if (o->role == ROLE_OUTPUT || o->role == ROLE_TEMP) memset(o->snapshot, byte, o->window_bytes);
        if (operand_is_result(o) || o->role == ROLE_TEMP) memcpy(o->window, o->snapshot, o->window_bytes);
    }
}
