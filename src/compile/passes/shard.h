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

/* The ways in which a sum is made: in one shot, in two, or by its rows in one or the other. */
typedef struct hdi_ways {
    bool one, two;
    hdi_dim rows;
    int64_t limit; /* rows from which it is two */
} hdi_ways;

/* A value of the whole graph as the ranks have it. All but the local values is the same on all ranks. */
typedef struct hdi_share {
    bool known;
    hdi_form form;
    int32_t stage;           /* -1: every stage has it */
    int32_t dim;             /* of CUT */
    hdi_cut cut;             /* of CUT */
    hd_value bias;           /* of PARTIAL: of the whole graph, still to be added; 0: none */
    hdi_ways ways;           /* of PARTIAL */
    hdi_mailbox box;         /* of PARTIAL: where the parts are */
    uint32_t pieces;         /* of PARTIAL: the event of pieces for the first member, the others' behind it */
    hd_value local;          /* as held here; 0: not on this rank */
    hd_value local_two;      /* of PARTIAL: as held here for a sum in two shots; mostly the same */
    bool own_alone;          /* of PARTIAL: that is this rank's own piece alone */
    bool gathered;           /* it has been put together */
    hd_value whole;          /* so, here */
    bool sent[HD_MAX_RANKS]; /* to a stage */
    hdi_mailbox letter;      /* through this */
    hd_value received;       /* on this rank's stage */
} hdi_share;

/* An exchange that a first walk has found; the second one has its place. */
typedef enum hdi_mail_kind {
    HDI_MAIL_GROUP, /* parts within a group */
    HDI_MAIL_SUMS,  /* sums of some columns, behind parts of the same exchange */
    HDI_MAIL_STAGE, /* between stages */
} hdi_mail_kind;

typedef struct hdi_mail {
    uint64_t bytes;
    hdi_mail_kind kind;
    uint64_t place;
} hdi_mail;

/* What the pass looks up of values of the whole graph. */
typedef struct hdi_facts {
    uint32_t uses;   /* operands and outputs that it is, views of it too */
    bool leaves;     /* another stage reads it, */
    bool sum_leaves; /* or what is made of it by adding */
} hdi_facts;

typedef struct hdi_sharding {
    const hd_graph *whole;
    const hd_shard *shard;
    hd_graph *graph;
    int32_t ranks, stage, member;
    hdi_share *shares;  /* by value of `whole` */
    hdi_facts *facts;   /* likewise, of those that own their memory */
    hdi_condition when; /* of nodes placed now */
    hdi_mail *mails;
    size_t n_mails, cap_mails, mail; /* mail: the next of this walk */
    size_t in_group;                 /* how many of them so far were of groups */
    bool placed;                     /* the second walk */
    uint64_t segment;                /* bytes of all places: alike on all ranks, whatever each has of them */
    hd_value reading[2],
        read[2];     /* what reads a group's exchange that goes on, and the one before: a node for each way; 0: none */
    bool guarded[2]; /* by buffer of groups: a write of this run has waited for the readers of the last */
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
/* An output of the whole graph. */
hd_status hdi_shard_output(hdi_sharding *s, const hdi_output *output);
/* Gives the exchanges that the first walk found their places. */
void hdi_place_mails(hdi_sharding *s);

/* For the other kinds of exchanges: */

/* The ranks that share a stage. */
uint64_t hdi_group_of(const hdi_sharding *s, int32_t stage);
/* The next event, named after a node; `in_pieces`: where that node can work row by row, it may come so. */
uint32_t hdi_next_event(hdi_sharding *s, const hdi_node *node, bool in_pieces);
/* The next exchange's place, where the first walk has found all of them. */
hd_status hdi_next_place(hdi_sharding *s, uint64_t bytes, hdi_mail_kind kind, uint64_t *place);
/* A group's next exchange begins, in the other buffer. `tells`: this rank has something to tell in it; then the ranks whose end
 * of the run before its first write waits for. */
uint64_t hdi_next_turn(hdi_sharding *s, bool tells);
/* `value` is told in this exchange: this rank has then read all of the one before. */
void hdi_in_turn(hdi_sharding *s, hd_value value);
/* What makes `value` reads this exchange; of a sum in two shots `two`, with one for one shot beside it. */
void hdi_reads_turn(hdi_sharding *s, hd_value value, bool two);
/* Bytes of a value of the whole graph, on one rank: at most. */
hd_status hdi_most_bytes(const hdi_sharding *s, hd_value value, uint64_t *out);
/* This rank's part, `local`, is published for `readers`. The first write of a run into a buffer waits until those who may have
 * read it in the last one, `before`, have ended that. */
hd_value hdi_tell(hdi_sharding *s, const hdi_node *made_by, hd_value local, const hdi_mailbox *box, uint64_t readers,
                  uint64_t before);

/* ---- shard_sum.c ---- */
/* The ways of the sum of `value`, which is partial: known before it is made, for hdi_begin_way. */
hd_status hdi_ways_of(hdi_sharding *s, hd_value value, hdi_ways *out);
/* What is placed until hdi_end_way happens when the sum is made in one shot, or in two. */
void hdi_begin_way(hdi_sharding *s, const hdi_ways *ways, bool two);
void hdi_end_way(hdi_sharding *s);
/* A partial sum of `stage` has been made (local, local_two: here; ways) and is told to the group. `product` (NULL: none) are the
 * inputs of the product that makes it, and `attr` its attributes: its pieces are then made one by one, and local_two here. */
hd_status hdi_tell_parts(hdi_sharding *s, hd_value value, hdi_share *share, const hd_value *product, const void *attr);
/* The sum of the parts of `value`, and of `residual` (0: none), a local value; with `norm` (NULL: none), an rms_norm of the sum,
 * that too: out[0] the sum, out[1] the norm. Once for each value. */
hd_status hdi_add_parts(hdi_sharding *s, const hdi_node *like, hd_value value, hd_value residual, const hdi_node *norm,
                        hd_value out[2]);

/* ---- shard_scatter.c ---- */
enum { HDI_GROUP_MOST = 8 }; /* members of a group */

/* Each member of a group has a part, and hands every other one a piece of it. */
typedef struct hdi_scatter {
    hdi_type part[HDI_GROUP_MOST];                      /* what each has */
    int32_t dim;                                        /* along which pieces are cut, */
    int64_t begin[HDI_GROUP_MOST], end[HDI_GROUP_MOST]; /* for each */
    uint64_t at[HDI_GROUP_MOST][HDI_GROUP_MOST];        /* by owner and reader: bytes from the exchange's place */
    uint64_t bytes;                                     /* of the longest owner's pieces */
    uint64_t place;
    uint32_t event; /* of pieces for the first member; the others' come behind it */
} hdi_scatter;

/* Cuts dim `dim` of the parts, which are there, for the members; gives pieces their bytes. */
hd_status hdi_scatter_cut(hdi_sharding *s, hdi_scatter *x, int32_t dim, const hdi_cut *cut);
/* An event for each member. */
void hdi_scatter_events(hdi_sharding *s, hdi_scatter *x, const hdi_node *node);
/* This rank's part is handed out, piece by piece. `before`: as of hdi_tell. */
void hdi_scatter_tell(hdi_sharding *s, const hdi_scatter *x, const hdi_node *made_by, hd_value local, uint64_t before);
/* The same of a part that is not there yet, the product of in[0] and the weight in[1], whose rows are cut: each piece is made
 * where it is told, so that it travels while the next one is computed. *own: this rank's. */
void hdi_scatter_product(hdi_sharding *s, const hdi_scatter *x, const hdi_node *made_by, const hd_value *in, const void *attr,
                         uint64_t before, hd_value *own);
/* The piece of member `m`'s part that is this rank's; `local`: its own part. */
hd_value hdi_scatter_piece(hdi_sharding *s, const hdi_scatter *x, int32_t m, hd_value local);

/* Whether `value`, cut along another dim of this group's, can be cut like `like`, which is of the same shape. */
bool hdi_can_recut(const hdi_sharding *s, hd_value value, const hdi_share *share, const hdi_share *like);
/* `value`, so: *out, on the ranks of its stage. Each reads of each other's part what it needs of it. `reader`: who wants it. */
hd_status hdi_recut(hdi_sharding *s, hd_value value, const hdi_share *like, const hdi_node *reader, hd_value *out);

#endif
