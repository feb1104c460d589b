/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the verifier: what its parts hand to each other, in the order in which they run.
 *
 * image    one image is well formed (verify_image.c), and all of them are of one set
 * cases    the sizes at which different steps run (verify_cases.c): at most 64, so a set of cases is a word
 * signals  every wait has its trigger (verify_signals.c)
 * order    what the waits order, and that nothing stands still (verify_order.c)
 * memory   every two accesses that may not overlap in time do not (verify_memory.c) */
#ifndef HDI_COMPILE_VERIFY_H
#define HDI_COMPILE_VERIFY_H

#include "compile/plan.h"
#include "heddle/comm.h"

enum { HDI_MAX_CASES = 64, HDI_VERIFY_STEPS = 1 << 14 };

/* Bytes that a step reads or writes, at the symbols' maxima. */
typedef struct hdi_access {
    uint32_t step;
    int32_t slot;
    bool writes;
    uint64_t begin, end; /* of the slot */
} hdi_access;

/* One rank's part. A step is node first_node + step; after them comes the node of the run's end. */
typedef struct hdi_verify_rank {
    const hd_plan *plan;
    uint32_t first_node;
    int64_t *trigger_of; /* [n_events]: the step that triggers it; -1: none. Of event 0 none */
    uint32_t *trigger;   /* [n_events]: which trigger of the plan that is */
    uint64_t *local;     /* [n_steps x words]: the steps that local waits put before each */
    size_t words;        /* of such a row */
    hdi_access *accesses;
    size_t n_accesses;
} hdi_verify_rank;

/* A node that another one waits for in the same run: of its own rank always, of another one when the waiting step runs. */
typedef struct hdi_edge {
    uint32_t from;
    bool remote;
} hdi_edge;

typedef struct hdi_verify {
    int32_t ranks; /* at least 1 */
    hdi_verify_rank rank[HD_MAX_RANKS];
    uint32_t n_nodes;
    int32_t *rank_of;   /* by node */
    uint64_t *in;       /* by node: the cases in which it runs */
    uint32_t *edges_at; /* [n_nodes + 1] into edges */
    hdi_edge *edges;
    uint64_t *told; /* by node: the ranks whose end of the run before it waits for */
    int n_cases;
    char (*case_text)[96]; /* by case: "", or ", when 8*tokens is 1..64" */
    /* order, by case: nodes one after the other as no wait is broken; each row of n_nodes */
    uint32_t *order;
    uint64_t *knows; /* by case and node: ranks whose run before has ended when it begins */
    uint64_t *ends;  /* by case and node: ranks whose run ends after it has ended */
} hdi_verify;

/* Every part gives HD_CORRUPT and a sentence for what it refuses, HD_UNSUPPORTED for what is too large to look at. */

/* One image of `bytes`, which may hold anything: whatever it says lies inside it, and executors can run it. */
hd_status hdi_verify_image(const void *image, size_t bytes);
/* Well-formed images are ranks 0 .. n - 1 of one set. */
hd_status hdi_verify_set(const hd_plan *const *plans, int32_t n);
hd_status hdi_verify_cases(hdi_verify *v);
hd_status hdi_verify_signals(hdi_verify *v);
hd_status hdi_verify_order(hdi_verify *v);
hd_status hdi_verify_memory(hdi_verify *v);

/* All of it, over images as they came from other processes: `bytes` by rank. */
hd_status hdi_images_verify(const void *const *images, const size_t *bytes, int32_t n);

/* Fills `v` for well-formed plans of one set up to, and with, the named part; for tests. hdi_verify_clear frees it, whatever was
 * filled. */
hd_status hdi_verify_all(hdi_verify *v, const hd_plan *const *plans, int32_t n);
void hdi_verify_clear(hdi_verify *v);

/* ---- helpers ---- */

/* The most or the least that a size can be. The handle has been checked. */
int64_t hdi_verify_size(const hd_plan *plan, hdi_dim dim, bool maxima);
/* The bytes of a present operand from the beginning of its slot; an empty one gives begin == end. false: they do not fit. */
bool hdi_verify_span(const hd_plan *plan, const hdi_plan_operand *operand, bool maxima, uint64_t *begin, uint64_t *end);
/* The operator whose kernel it is, NULL for a number that is none. */
const hdi_op *hdi_verify_op(int32_t kernel);
/* Edges into `node` in case `c`: calls nothing, is a condition for loops over v->edges. */
static inline bool hdi_edge_holds(const hdi_verify *v, const hdi_edge *edge, uint32_t node, int c) {
    return !edge->remote || (v->in[node] >> c & 1u);
}
static inline uint32_t hdi_verify_step_of(const hdi_verify *v, uint32_t node) {
    return node - v->rank[v->rank_of[node]].first_node;
}
/* "layers.0.mlp.reduce", or "the end of the run". */
const char *hdi_verify_name(const hdi_verify *v, uint32_t node);

#endif
