/* SPDX-License-Identifier: Apache-2.0 */
/* cuBLASLt, and MetaX's library of the same shape by its names. It is opened when a stream wants it and never linked: a machine
 * without it runs products of our own. Plans for shapes are kept in a table of a fixed size, the oldest of a place making way. */
#include "kernels/gpu/blas.h"

#ifdef HDI_GPU_BLAS

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/gpu/vendor.h"

#ifdef HDI_GPU_MACA
#include <mcblas/mcblasLt.h>
#define BLAS(name) mcblasLt##name
#define BLAS_VALUE(name) MCBLASLT_##name
#define BLAS_OK MCBLAS_STATUS_SUCCESS
#define BLAS_COMPUTE MCBLAS_COMPUTE_32F
#define BLAS_TRANSPOSED MCBLAS_OP_T
#define BLAS_TYPE macaDataType
#define BLAS_R(name) MACA_R_##name
#define BLAS_LIBRARY "libmcblasLt.so"
#else
#include <cublasLt.h>
#define BLAS(name) cublasLt##name
#define BLAS_VALUE(name) CUBLASLT_##name
#define BLAS_OK CUBLAS_STATUS_SUCCESS
#define BLAS_COMPUTE CUBLAS_COMPUTE_32F
#define BLAS_TRANSPOSED CUBLAS_OP_T
#define BLAS_TYPE cudaDataType
#define BLAS_R(name) CUDA_R_##name
#define BLAS_TEXT_(x) #x
#define BLAS_TEXT(x) BLAS_TEXT_(x)
#define BLAS_LIBRARY "libcublasLt.so." BLAS_TEXT(CUBLAS_VER_MAJOR)
#endif
#define BLAS_NAME_(x) #x
#define BLAS_NAME(x) BLAS_NAME_(x)

#define BLAS_FUNCTIONS(X)           \
    X(Create)                       \
    X(Destroy)                      \
    X(Matmul)                       \
    X(MatmulDescCreate)             \
    X(MatmulDescDestroy)            \
    X(MatmulDescSetAttribute)       \
    X(MatrixLayoutCreate)           \
    X(MatrixLayoutDestroy)          \
    X(MatmulPreferenceCreate)       \
    X(MatmulPreferenceDestroy)      \
    X(MatmulPreferenceSetAttribute) \
    X(MatmulAlgoGetHeuristic)

namespace HDI_GPU_NAMESPACE {
namespace {

struct functions {
#define X(name) decltype(&BLAS(name)) name;
    BLAS_FUNCTIONS(X)
#undef X
};

/* What decides which kernel the library takes. */
struct shape {
    int64_t m, n, k, x_stride, w_stride, y_stride, residual_stride;
    int32_t in, out, bias, residual;
};

struct blas_plan {
    shape of;
    BLAS(MatmulDesc_t) operation;
    BLAS(MatrixLayout_t) w, x, residual, y;
    BLAS(MatmulAlgo_t) algorithm;
    bool made, useless; /* useless: the library has nothing for this shape */
};

enum { PLANS = 512, ALIGNMENT = 16 };
const size_t WORKSPACE = (size_t)32 << 20;

struct blas {
    functions call;
    BLAS(Handle_t) handle;
    blas_plan plan[PLANS];
};

bool open_library(functions *f) {
    void *library = dlopen(BLAS_LIBRARY, RTLD_NOW | RTLD_LOCAL); /* stays: streams come and go */
    if (!library) return false;
#define X(name)                                                         \
    f->name = (decltype(f->name))dlsym(library, BLAS_NAME(BLAS(name))); \
    if (!f->name) return false;
    BLAS_FUNCTIONS(X)
#undef X
    return true;
}

BLAS_TYPE type_of(int dtype) { return dtype == HD_DTYPE_F32 ? BLAS_R(32F) : dtype == HD_DTYPE_F16 ? BLAS_R(16F) : BLAS_R(16BF); }

void drop(blas *b, blas_plan *p) {
    if (p->operation) b->call.MatmulDescDestroy(p->operation);
    BLAS(MatrixLayout_t) layouts[] = {p->w, p->x, p->residual, p->y};
    for (auto layout : layouts)
        if (layout) b->call.MatrixLayoutDestroy(layout);
    *p = blas_plan();
}

/* The library counts by columns: y^T [n, m] = w [k, n]^T x [k, m]. */
bool describe(blas *b, blas_plan *p) {
    const shape *s = &p->of;
    const functions *f = &b->call;
    auto transposed = BLAS_TRANSPOSED;
    auto epilogue = BLAS_VALUE(EPILOGUE_BIAS);
    auto bias_type = type_of(s->out);
    if (f->MatmulDescCreate(&p->operation, BLAS_COMPUTE, BLAS_R(32F)) != BLAS_OK) return false;
    if (f->MatmulDescSetAttribute(p->operation, BLAS_VALUE(MATMUL_DESC_TRANSA), &transposed, sizeof transposed) != BLAS_OK)
        return false;
    if (s->bias &&
        (f->MatmulDescSetAttribute(p->operation, BLAS_VALUE(MATMUL_DESC_EPILOGUE), &epilogue, sizeof epilogue) != BLAS_OK ||
         f->MatmulDescSetAttribute(p->operation, BLAS_VALUE(MATMUL_DESC_BIAS_DATA_TYPE), &bias_type, sizeof bias_type) !=
             BLAS_OK))
        return false;
    return f->MatrixLayoutCreate(&p->w, type_of(s->in), (uint64_t)s->k, (uint64_t)s->n, s->w_stride) == BLAS_OK &&
           f->MatrixLayoutCreate(&p->x, type_of(s->in), (uint64_t)s->k, (uint64_t)s->m, s->x_stride) == BLAS_OK &&
           f->MatrixLayoutCreate(&p->residual, type_of(s->out), (uint64_t)s->n, (uint64_t)s->m, s->residual_stride) == BLAS_OK &&
           f->MatrixLayoutCreate(&p->y, type_of(s->out), (uint64_t)s->n, (uint64_t)s->m, s->y_stride) == BLAS_OK;
}

bool advise(blas *b, blas_plan *p) {
    const functions *f = &b->call;
    BLAS(MatmulPreference_t) preference = NULL;
    BLAS(MatmulHeuristicResult_t) result;
    uint32_t aligned = ALIGNMENT;
    int found = 0;
    memset(&result, 0, sizeof result);
    if (f->MatmulPreferenceCreate(&preference) != BLAS_OK) return false;
    bool good = f->MatmulPreferenceSetAttribute(preference, BLAS_VALUE(MATMUL_PREF_MAX_WORKSPACE_BYTES), &WORKSPACE,
                                                sizeof WORKSPACE) == BLAS_OK;
    const decltype(BLAS_VALUE(MATMUL_PREF_MIN_ALIGNMENT_A_BYTES)) of[] = {
        BLAS_VALUE(MATMUL_PREF_MIN_ALIGNMENT_A_BYTES), BLAS_VALUE(MATMUL_PREF_MIN_ALIGNMENT_B_BYTES),
        BLAS_VALUE(MATMUL_PREF_MIN_ALIGNMENT_C_BYTES), BLAS_VALUE(MATMUL_PREF_MIN_ALIGNMENT_D_BYTES)};
    for (auto attribute : of)
        good = good && f->MatmulPreferenceSetAttribute(preference, attribute, &aligned, sizeof aligned) == BLAS_OK;
    good = good &&
           f->MatmulAlgoGetHeuristic(b->handle, p->operation, p->w, p->x, p->residual, p->y, preference, 1, &result, &found) ==
               BLAS_OK &&
           found > 0 && result.state == BLAS_OK;
    f->MatmulPreferenceDestroy(preference);
    p->algorithm = result.algo;
    return good;
}

blas_plan *plan_of(blas *b, const shape *s) {
    uint64_t hash = 1469598103934665603u;
    for (size_t i = 0; i < sizeof *s; i++) hash = (hash ^ ((const unsigned char *)s)[i]) * 1099511628211u;
    blas_plan *p = &b->plan[hash % PLANS];
    if (p->made && memcmp(&p->of, s, sizeof *s) == 0) return p;
    drop(b, p);
    p->of = *s;
    p->made = true;
    p->useless = !describe(b, p) || !advise(b, p);
    return p;
}

bool aligned(const void *p, int64_t stride, int dtype) {
    return ((uintptr_t)p | (uintptr_t)(stride * (dtype == HD_DTYPE_F32 ? 4 : 2))) % ALIGNMENT == 0;
}

} // namespace
} // namespace HDI_GPU_NAMESPACE

using namespace HDI_GPU_NAMESPACE;

int hdi_gpu_blas_create(hdi_gpu_queue *queue) {
    queue->blas = NULL;
    blas *b = (blas *)calloc(1, sizeof *b);
    if (!b) return GPU(ErrorMemoryAllocation);
    if (open_library(&b->call) && b->call.Create(&b->handle) == BLAS_OK)
        queue->blas = b;
    else
        free(b);
    return GPU(Success);
}

void hdi_gpu_blas_destroy(hdi_gpu_queue *queue) {
    blas *b = (blas *)queue->blas;
    if (!b) return;
    for (int i = 0; i < PLANS; i++) drop(b, &b->plan[i]);
    b->call.Destroy(b->handle);
    free(b);
    queue->blas = NULL;
}

int hdi_gpu_blas_product(hdi_gpu_queue *queue, const hdi_gpu_product *p) {
    blas *b = (blas *)queue->blas;
    if (!b || p->k == 0 || !aligned(p->x, p->x_stride, p->in) || !aligned(p->w, p->w_stride, p->in) ||
        !aligned(p->y, p->y_stride, p->out) || (p->residual && !aligned(p->residual, p->residual_stride, p->out)))
        return HDI_GPU_UNSUPPORTED;
    shape s;
    memset(&s, 0, sizeof s); /* compared as bytes */
    s.m = p->m, s.n = p->n, s.k = p->k;
    s.x_stride = p->x_stride, s.w_stride = p->w_stride, s.y_stride = p->y_stride;
    s.residual_stride = p->residual ? p->residual_stride : p->y_stride;
    s.in = p->in, s.out = p->out;
    s.bias = p->bias != NULL, s.residual = p->residual != NULL;
    blas_plan *plan = plan_of(b, &s);
    void *work;
    if (plan->useless) return HDI_GPU_UNSUPPORTED;
    if (p->bias && b->call.MatmulDescSetAttribute(plan->operation, BLAS_VALUE(MATMUL_DESC_BIAS_POINTER), &p->bias,
                                                  sizeof p->bias) != BLAS_OK)
        return GPU(ErrorInvalidValue);
    int error = queue->workspace(queue, HDI_GPU_WORK_SCRATCH2, WORKSPACE, &work);
    if (error != GPU(Success)) return error;
    float one = 1, beta = p->residual ? 1.0f : 0.0f;
    auto status =
        b->call.Matmul(b->handle, plan->operation, &one, p->w, plan->w, p->x, plan->x, &beta, p->residual ? p->residual : p->y,
                       plan->residual, p->y, plan->y, &plan->algorithm, work, WORKSPACE, (GPU(Stream_t))queue->stream);
    return status == BLAS_OK ? GPU(Success) : GPU(ErrorLaunchFailure);
}

#endif
