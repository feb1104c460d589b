/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges: cut values are put side by side, and whole ones handed to later stages; sums are in shard_sum.c.
 *
 * What ranks of a group tell each other lies in two buffers of the segment by turns. Whoever has read all parts of one exchange
 * knows that all others have begun the next but one only after they read his: what a part is made of depends on the exchange
 * before it. The first write of a run into a buffer waits for the end of the readers' last run. The verifier (compile/verify.h)
 * proves both of each set of plans. */
#include <string.h>

#include "base/memory.h"
#include "compile/passes/shard.h"
#include "kernels/concat/concat.h"

enum { GROUP_BUFFERS = 2 };

uint64_t hdi_group_of(const hdi_sharding *s, int32_t stage) {
    return ((1ull << s->shard->tensor) - 1) << (stage * s->shard->tensor);
}

/* ---- places ---- */

uint32_t hdi_next_event(hdi_sharding *s, const hdi_node *node, bool in_pieces) {
    in_pieces = in_pieces && s->shard->chunks && (node->op->flags & HDI_OP_ROWWISE);
    return hdi_graph_event(s->graph, node->name, in_pieces ? s->shard->chunks : 1);
}

hd_status hdi_next_place(hdi_sharding *s, uint64_t bytes, hdi_mail_kind kind, uint64_t *place) {
    *place = 0;
    if (s->placed) {
        *place = s->mails[s->mail++].place;
        return HD_OK;
    }
    HD_TRY(hdi_grow(&s->mails, &s->cap_mails, s->n_mails + 1, sizeof *s->mails, "sharding"));
    s->mails[s->n_mails++] = (hdi_mail){.bytes = bytes, .kind = kind};
    return HD_OK;
}

static hd_status next_mail(hdi_sharding *s, hd_value value, uint64_t bytes, bool to_stage, hdi_mailbox *box) {
    box->event = hdi_next_event(s, &s->whole->nodes[s->whole->values[value].node], !to_stage);
    return hdi_next_place(s, bytes, to_stage ? HDI_MAIL_STAGE : HDI_MAIL_GROUP, &box->place);
}

/* Two buffers for parts by turns, one for all sums of columns, and a place each for what goes to another stage. */
void hdi_place_mails(hdi_sharding *s) {
    enum { SUMS = GROUP_BUFFERS, BUFFERS };
    uint64_t most[BUFFERS] = {0}, begin[BUFFERS] = {0}, end = 0;
    size_t turn = 0;
    for (size_t i = 0; i < s->n_mails; i++) {
        if (s->mails[i].kind == HDI_MAIL_STAGE) continue;
        uint64_t *buffer = &most[s->mails[i].kind == HDI_MAIL_SUMS ? SUMS : turn++ % GROUP_BUFFERS];
        uint64_t bytes = hdi_align_up(s->mails[i].bytes, HDI_CACHE_LINE);
        if (bytes > *buffer) *buffer = bytes;
    }
    for (int b = 0; b < BUFFERS; b++) {
        begin[b] = end;
        end += most[b];
    }
    turn = 0;
    for (size_t i = 0; i < s->n_mails; i++) {
        hdi_mail *mail = &s->mails[i];
        mail->place = mail->kind == HDI_MAIL_STAGE  ? end
                      : mail->kind == HDI_MAIL_SUMS ? begin[SUMS]
                                                    : begin[turn++ % GROUP_BUFFERS];
        if (mail->kind == HDI_MAIL_STAGE) end += hdi_align_up(mail->bytes, HDI_CACHE_LINE);
    }
    s->segment = end;
    s->placed = true;
}

hd_status hdi_most_bytes(const hdi_sharding *s, hd_value value, uint64_t *out) {
    hdi_value like = s->whole->values[value];
    like.kind = HDI_VALUE_RESULT;
    return hdi_graph_bytes(s->whole, &like, out);
}

/* ---- telling a group ---- */

hd_value hdi_tell(hdi_sharding *s, const hdi_node *made_by, hd_value local, const hdi_mailbox *box, uint64_t readers,
                  uint64_t before) {
    if (s->shard->streamed) {
        hd_value copy[HDI_NODE_OUTPUTS] = {0};
        hdi_concat_attr attr = {.parts = 1, .streamed = 1};
        hdi_place_like(s, made_by, &hdi_op_concat, &local, 1, &attr, copy);
        local = copy[0];
    }
    hdi_graph_publish(s->graph, local, box->event, box->place, readers);
    for (int32_t r = 0; r < s->ranks; r++)
        if (before >> r & 1u) hdi_graph_guard(s->graph, local, HDI_EVENT_END, r, 1);
    return local;
}

uint64_t hdi_next_turn(hdi_sharding *s, bool tells) {
    bool *guarded = &s->guarded[s->in_group++ % GROUP_BUFFERS], before = *guarded;
    if (!tells) return 0;
    *guarded = true;
    memcpy(s->read, s->reading, sizeof s->read);
    memset(s->reading, 0, sizeof s->reading);
    return before ? 0 : hdi_group_of(s, s->stage) & ~(1ull << s->shard->rank);
}

void hdi_in_turn(hdi_sharding *s, hd_value value) {
    for (int i = 0; i < 2; i++)
        if (s->read[i]) hdi_graph_after(s->graph, value, s->read[i]);
}

void hdi_reads_turn(hdi_sharding *s, hd_value value, bool two) { s->reading[two] = value; }

/* Whether `local` was made before the exchange before was read: it cannot lie in memory that may still be read. */
static bool is_late(const hdi_sharding *s, hd_value local) {
    const hdi_value *values = s->graph->values;
    for (int i = 0; i < 2; i++)
        if (s->read[i] && values[local].node < values[s->read[i]].node) return true;
    return false;
}

/* A copy in memory of its own. */
static hd_value copy_of(hdi_sharding *s, const hdi_node *made_by, hd_value local) {
    const hdi_concat_attr attr = {.parts = 1};
    hd_value made[HDI_NODE_OUTPUTS] = {0};
    hdi_place_like(s, made_by, &hdi_op_concat, &local, 1, &attr, made);
    return made[0];
}

/* The parts of a cut value are told to `readers`. */
static hd_status tell_group(hdi_sharding *s, hd_value value, hdi_share *share, uint64_t readers) {
    uint64_t bytes, others = hdi_group_of(s, s->stage) & ~(1ull << s->shard->rank);
    HD_TRY(hdi_most_bytes(s, value, &bytes));
    HD_TRY(next_mail(s, value, bytes, false, &share->box));
    bool tells = share->local && readers & others; /* else only this rank wants it */
    uint64_t before = hdi_next_turn(s, tells);
    if (share->local) hdi_graph_end(s->graph, others);
    if (!tells) return HD_OK;
    const hdi_node *node = &s->whole->nodes[s->whole->values[value].node];
    hd_value local = is_late(s, share->local) && !s->shard->streamed ? copy_of(s, node, share->local) : share->local;
    hdi_in_turn(s, hdi_tell(s, node, local, &share->box, readers & others, before));
    return hd_graph_status(s->graph);
}

/* Member `m`'s part of `value`, seen in `shape`: this rank's own, or the remote one. */
static hd_value part_of(hdi_sharding *s, hd_value value, const hdi_share *share, int32_t m, int32_t dims, const hd_dim *shape) {
    const hdi_type *type = &s->whole->values[value].type;
    int32_t rank = hdi_rank_of(s, s->stage, m);
    if (rank != s->shard->rank)
        return hdi_graph_remote(s->graph, rank, share->box.event, share->box.place, (hd_dtype)type->dtype, dims, shape);
    return dims == type->rank ? share->local : hd_graph_reshape(s->graph, share->local, dims, shape);
}

/* ---- side by side ---- */

/* The node that puts `value` together reads dims behind the cut one as one. */
static hd_status gather_shape(hdi_sharding *s, const hdi_share *share, const hdi_type *type, int32_t m, int64_t behind,
                              hd_dim *shape) {
    int64_t size;
    for (int i = 0; i < share->dim; i++) shape[i] = type->dim[i];
    HD_TRY(hdi_cut_size(&share->cut, m, s->shard->tensor, &size));
    shape[share->dim] = size * behind;
    return HD_OK;
}

static hd_status put_together(hdi_sharding *s, hd_value value, hdi_share *share, int64_t behind, hd_value *out) {
    const hdi_type *type = &s->whole->values[value].type;
    hdi_concat_attr attr = {.parts = s->shard->tensor};
    hd_value in[HDI_CONCAT_PARTS] = {0}, made[HDI_NODE_OUTPUTS] = {0};
    hdi_type flat = *type;
    flat.rank = (uint8_t)(share->dim + 1);
    for (int32_t m = 0; m < s->shard->tensor; m++) {
        HD_TRY(gather_shape(s, share, type, m, behind, flat.dim));
        in[m] = part_of(s, value, share, m, flat.rank, flat.dim);
    }
    hdi_place_like(s, &s->whole->nodes[s->whole->values[value].node], &hdi_op_concat, in, HDI_CONCAT_PARTS, &attr, made);
    hdi_reads_turn(s, made[0], false);
    *out = flat.rank == type->rank ? made[0] : hd_graph_reshape(s->graph, made[0], type->rank, type->dim);
    return hd_graph_status(s->graph);
}

/* Puts a cut value together, on the ranks of `readers` alone. */
static hd_status gather(hdi_sharding *s, hd_value value, hdi_share *share, uint64_t readers) {
    const hdi_value *v = &s->whole->values[value];
    int64_t behind = 1;
    for (int i = share->dim + 1; i < v->type.rank; i++) behind *= v->type.dim[i] < 0 ? 0 : v->type.dim[i];
    HD_REQUIRE(v->kind == HDI_VALUE_RESULT && v->root == value && !share->cut.per && behind > 0, HD_UNSUPPORTED,
               "%s is cut over ranks and cannot be put together", hdi_value_text(s, value));
    HD_TRY(tell_group(s, value, share, readers));
    share->gathered = true;
    if (hdi_here(s, share->stage) && readers >> s->shard->rank & 1u) HD_TRY(put_together(s, value, share, behind, &share->whole));
    return HD_OK;
}

/* ---- stages ---- */

/* Hands a whole value to member after member of another stage; *out is how this rank, one of that stage, reads it: what is told
 * only when it is not empty is copied, so that its readers run in any case. */
static hd_status send(hdi_sharding *s, hd_value value, hdi_share *share, int32_t stage, bool first_alone, hd_value *out) {
    const hdi_type *type = &s->whole->values[value].type;
    const hdi_node *made_by = &s->whole->nodes[s->whole->values[value].node];
    hd_value whole = share->form == HDI_FORM_WHOLE ? share->local : share->whole;
    hd_dim extent;
    uint64_t bytes;
    HD_REQUIRE(stage >= 0, HD_UNSUPPORTED, "%s belongs to a layer, and is read by what belongs to none",
               hdi_value_text(s, value));
    if (!share->sent[stage]) {
        share->sent[stage] = true;
        HD_TRY(hdi_most_bytes(s, value, &bytes));
        HD_TRY(next_mail(s, value, bytes, true, &share->letter));
        uint64_t reader = 1ull << hdi_rank_of(s, stage, s->member), sender = 1ull << hdi_rank_of(s, share->stage, s->member);
        bool takes_part = !first_alone || s->member == 0;
        if (s->stage == share->stage && takes_part) {
            const hdi_value *v = &s->graph->values[whole];
            HD_REQUIRE(s->shard->streamed || (v->kind == HDI_VALUE_RESULT && v->root == whole && !v->published), HD_UNSUPPORTED,
                       "%s cannot be handed to another stage: it is a view, or handed on already", hdi_value_text(s, value));
            (void)hdi_tell(s, made_by, whole, &share->letter, reader, reader);
        }
        if (s->stage == stage && takes_part) {
            hdi_graph_end(s->graph, sender);
            share->received = hdi_graph_remote(s->graph, hdi_rank_of(s, share->stage, s->member), share->letter.event,
                                               share->letter.place, (hd_dtype)type->dtype, type->rank, type->dim);
            if (hdi_can_be_empty(s, made_by, &extent)) share->received = copy_of(s, made_by, share->received);
        }
    }
    *out = share->received;
    return hd_graph_status(s->graph);
}

/* ---- whole values ---- */

/* Whole on the ranks of its own stage, at least on those of `readers`. */
static hd_status make_whole_there(hdi_sharding *s, hd_value value, hdi_share *share, uint64_t readers) {
    hd_value out[2] = {0};
    if (share->form == HDI_FORM_WHOLE || share->gathered) return HD_OK;
    if (share->form == HDI_FORM_CUT) return gather(s, value, share, readers);
    HD_TRY(hdi_add_parts(s, &s->whole->nodes[s->whole->values[value].node], value, 0, NULL, out));
    share->whole = out[0];
    return HD_OK;
}

hd_status hdi_make_whole(hdi_sharding *s, hd_value value, int32_t stage, hd_value *out) {
    hdi_share *share;
    *out = 0;
    HD_TRY(hdi_share_of(s, value, &share));
    HD_TRY(make_whole_there(s, value, share, hdi_group_of(s, share->stage < 0 ? s->stage : share->stage)));
    if (share->stage < 0 || share->stage == stage) {
        if (hdi_here(s, stage)) *out = share->form == HDI_FORM_WHOLE ? share->local : share->whole;
        return HD_OK;
    }
    HD_TRY(send(s, value, share, stage, false, out));
    if (!hdi_here(s, stage)) *out = 0;
    return HD_OK;
}

/* An output that another rank made is copied: it must be waited for. */
hd_status hdi_shard_output(hdi_sharding *s, const hdi_output *output) {
    hdi_share *share;
    bool everywhere = s->shard->outputs_everywhere;
    HD_TRY(hdi_share_of(s, output->value, &share));
    int32_t stage = share->stage < 0 ? 0 : share->stage;
    HD_TRY(make_whole_there(s, output->value, share, everywhere ? hdi_group_of(s, stage) : 1ull << hdi_rank_of(s, stage, 0)));
    hd_value local = share->form == HDI_FORM_WHOLE ? share->local : share->whole;
    int32_t to = s->shard->outputs_stay ? stage : 0;
    bool mine = s->stage == to && (everywhere || s->member == 0);
    if (stage != to) {
        HD_TRY(send(s, output->value, share, 0, !everywhere, &local));
        if (mine && local && s->graph->values[local].kind == HDI_VALUE_REMOTE)
            local = copy_of(s, &s->whole->nodes[s->whole->values[output->value].node], local);
    }
    if (mine) hd_graph_output(s->graph, output->name, local);
    return hd_graph_status(s->graph);
}
