/* SPDX-License-Identifier: Apache-2.0 */
/* hd_sample: options to the rows of numbers that the kernel reads. */
#include <math.h>

#include "base/memory.h"
#include "ops/eager.h"

enum { PARAMS = 8 };

static hd_status check_options(const hd_sample_options *o, int64_t row) {
    const char *wrong = NULL;
    if (!(isfinite(o->temperature) && o->temperature >= 0))
        wrong = "temperature must be 0 or more";
    else if (o->top_k < 0)
        wrong = "top_k must be 0 or more";
    else if (!(o->top_p > 0 && o->top_p <= 1))
        wrong = "top_p must be above 0 and at most 1";
    else if (!(o->min_p >= 0 && o->min_p <= 1))
        wrong = "min_p must be between 0 and 1";
    else if (!(o->typical_p > 0 && o->typical_p <= 1))
        wrong = "typical_p must be above 0 and at most 1";
    else if (!(o->uniform >= 0 && o->uniform < 1))
        wrong = "uniform must be at least 0 and below 1";
    HD_REQUIRE(!wrong, HD_INVALID_ARGUMENT, "sample: row %lld: %s", (long long)row, wrong);
    return HD_OK;
}

hd_status hd_sample(hd_tensor *ids, const hd_tensor *logits, const hd_sample_options *options) {
    static const hdi_eager_rules rules = {.names = "ids logits params", .rows = 2, .dense = 5};
    hd_tensor *params = NULL;
    float *host = NULL;
    hd_status status;
    HD_REQUIRE(ids && logits, HD_INVALID_ARGUMENT, "sample: ids and logits are needed");
    const int64_t rows = logits->ndim ? logits->shape[0] : 0, shape[2] = {rows, PARAMS};
    HD_REQUIRE(options || rows == 0, HD_INVALID_ARGUMENT, "sample: no options were given");
    HD_TRY_GOTO(hdi_alloc(&host, (size_t)rows, PARAMS * sizeof *host, "sampling parameters"));
    for (int64_t r = 0; r < rows; r++) {
        const hd_sample_options *o = &options[r];
        const float row[PARAMS] = {o->temperature, (float)o->top_k, o->top_p, o->min_p, o->typical_p, o->uniform};
        HD_TRY_GOTO(check_options(o, r));
        for (int i = 0; i < PARAMS; i++) host[r * PARAMS + i] = row[i];
    }
    HD_TRY_GOTO(hd_tensor_create(shape, 2, HD_DTYPE_F32, logits->storage->device, &params));
    HD_TRY_GOTO(hd_tensor_load(params, host));
    status = hdi_eager(&hdi_op_sample, &rules, &ids, (const hd_tensor *const[]){logits, params}, 2, NULL);
fail:
    hdi_free(host);
    hd_tensor_destroy(params);
    return status;
}
