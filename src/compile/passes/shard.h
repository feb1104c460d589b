/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of sharding: what each value of the whole graph is on the ranks, and the exchanges that put values together.
 *
 * A value is held whole, cut along one dim, or as partial sums. Operators say what they can work with (shard_rules.c); what they
 * cannot is made whole first (shard_exchange.c). Every rank walks the whole graph and counts events and places alike; it builds
 * only its own nodes. */
#ifndef HDI_COMPILE_PASSES_SHARD_H
#define HDI_COMPILE_PASSES_SHARD_H

#include "compile/cut.h"
#include "graph/exchange.h"
#include "heddle/compile.h"

typedef enum hdi_form { HDI_FORM_WHOLE, HDI_FORM_CUT, HDI_FORM_PARTIAL } hdi_form;

/* Somewhere in all segments: memory that ranks of a group, or stages, hand something through. */
typedef struct hdi_mailbox {
    uint32_t event;
    uint64_t place;
} hdi_mailbox;

/* A value of the whole graph as the ranks have it. All but the local values is the same on all ranks. */
typedef struct hdi_share {
    bool known;
    hdi_form form;
    int32_t stage;           /* -1: every stage has it */
    int32_t dim;             /* of CUT */
    hdi_cut cut;             /* of CUT */
    hd_value bias;           /* of PARTIAL: of the whole graph, still to be added; 0: none */
    hdi_mailbox box;         /* of PARTIAL: where the parts are */
    hd_value local;          /* as held here; 0: not on this rank */
    bool gathered;           /* it has been put together */
    hd_value whole;          /* so, here */
    bool sent[HD_MAX_RANKS]; /* to a stage */
    hdi_mailbox letter;      /* through this */
    hd_value received;       /* on this rank's stage */
} hdi_share;

/* An exchange that a first walk has found; the second one has its place. */
typedef struct hdi_mail {
    uint64_t bytes;
    bool to_stage; /* between stages; else in a group */
    uint64_t place;
} hdi_mail;

typedef struct hdi_sharding {
    const hd_graph *whole;
    const hd_shard *shard;
    hd_graph *graph;
    int32_t ranks, stage, member;
    hdi_share *shares; /* by value of `whole` */
    hdi_mail *mails;
    size_t n_mails, cap_mails, mail; /* mail: the next of this walk */
    size_t in_group;                 /* how many of them so far were of groups */
    bool placed;                     /* the second walk */
    uint64_t segment;                /* bytes of all places: alike on all ranks, whatever each has of them */
    bool guarded[2];                 /* by buffer of groups: a write of this run has waited for the readers of the last */
} hdi_sharding;

static inline int32_t hdi_rank_of(const hdi_sharding *s, int32_t stage, int32_t member) {
    return stage * s->shard->tensor + member;
}
/* Whether this rank computes what belongs to `stage`. */
static inline bool hdi_here(const hdi_sharding *s, int32_t stage) { return stage < 0 || stage == s->stage; }
/* The stage of a node. */
int32_t hdi_stage_of(const hdi_sharding *s, const hdi_node *node);

/* ---- shard.c ---- */
/* What a value is; sources are declared when they are first asked for. */
hd_status hdi_share_of(hdi_sharding *s, hd_value value, hdi_share **out);
/* Whether nothing is left of the node's results where a size is 0, which it can be: the size. */
bool hdi_can_be_empty(const hdi_sharding *s, const hdi_node *node, hd_dim *extent);
/* Places an operator as the node `like` in the local graph, with its scope. Where that can be empty, it runs only when it is not:
 * what is empty is neither told nor waited for. */
void hdi_place_like(hdi_sharding *s, const hdi_node *like, const hdi_op *op, const hd_value *in, int n_in, const void *attr,
                    hd_value *out);
const char *hdi_value_text(const hdi_sharding *s, hd_value value); /* for messages */

/* ---- shard_rules.c ---- */
hd_status hdi_shard_node(hdi_sharding *s, const hdi_node *node);

/* ---- shard_views.c ---- */
hd_status hdi_shard_view(hdi_sharding *s, hd_value value);

/* ---- shard_exchange.c ---- */
/* `value` whole, for a node of `stage`: *out is 0 where this rank is not of that stage. */
hd_status hdi_make_whole(hdi_sharding *s, hd_value value, int32_t stage, hd_value *out);
/* A partial sum that `node` of `stage` has made (local: here) is told to the group. */
hd_status hdi_tell_parts(hdi_sharding *s, hd_value value, hdi_share *share);
/* The sum of the parts of `value`, and of `residual` (0: none), a local value; with `norm` (NULL: none), an rms_norm of the sum,
 * that too: out[0] the sum, out[1] the norm. */
hd_status hdi_add_parts(hdi_sharding *s, const hdi_node *like, hd_value value, hd_value residual, const hdi_node *norm,
                        hd_value out[2]);
/* An output of the whole graph. */
hd_status hdi_shard_output(hdi_sharding *s, const hdi_output *output);
/* Gives the exchanges that the first walk found their places. */
void hdi_place_mails(hdi_sharding *s);

#endif
