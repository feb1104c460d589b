/* SPDX-License-Identifier: Apache-2.0 */
#include "task/pieces.h"

#include <string.h>

#include "base/memory.h"

enum { PIECE_ROWS = 64 }; /* the fewest rows that are worth a signal of their own, and a product of their own */

/* In how many pieces a step may come: its event's chunks. */
static uint32_t chunks_of(const hd_plan *plan, const hdi_plan_step *step) {
    return step->n_triggers ? hdi_plan_events(plan)[hdi_plan_triggers(plan)[step->first_trigger].event].chunks : 1;
}

int32_t hdi_pieces_of(const hd_plan *plan, const hdi_plan_step *step, int64_t rows) {
    int32_t chunks = (int32_t)chunks_of(plan, step);
    return chunks > 1 && rows >= chunks * PIECE_ROWS ? chunks : 1;
}

hd_status hdi_pieces_create(hd_executor *executor) {
    const hd_plan *plan = executor->plan;
    size_t pieces = 0, calls = 0, operands = 0;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
        uint32_t chunks = chunks_of(plan, step);
        pieces += chunks;
        calls += chunks > 1 ? chunks : 0;
        operands += chunks > 1 ? (size_t)chunks * step->n_operands : 0;
    }
    executor->n_pieces = pieces;
    HD_TRY(hdi_calloc(&executor->steps, plan->n_steps, sizeof *executor->steps, "an executor"));
    HD_TRY(hdi_calloc(&executor->pieces, pieces, sizeof *executor->pieces, "an executor"));
    HD_TRY(hdi_calloc(&executor->piece_calls, calls, sizeof *executor->piece_calls, "an executor"));
    HD_TRY(hdi_calloc(&executor->piece_operands, operands, sizeof *executor->piece_operands, "an executor"));
    hdi_piece *piece = executor->pieces;
    hdi_kernel_call *call = executor->piece_calls;
    hdi_operand *operand = executor->piece_operands;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
        uint32_t chunks = chunks_of(plan, step);
        executor->steps[s].pieces = piece;
        piece += chunks;
        for (uint32_t c = 0; chunks > 1 && c < chunks; c++, call++, operand += step->n_operands) {
            call->operand = operand;
            executor->steps[s].pieces[c].call = call;
        }
    }
    return HD_OK;
}

void hdi_pieces_destroy(hd_executor *executor) {
    hdi_free(executor->steps);
    hdi_free(executor->pieces);
    hdi_free(executor->piece_calls);
    hdi_free(executor->piece_operands);
}

/* Rows first .. end - 1 of an operand whose rows go with those of the result. */
static void take_rows(hdi_operand *t, int64_t first, int64_t end) {
    t->data = (uint8_t *)t->data + (size_t)(first * t->stride[0]) * hd_dtype_block_bytes((hd_dtype)t->dtype);
    t->shape[0] = end - first;
}

/* The latest step to wait for. One that does not happen has ended when those it waits for have. */
static int64_t latest_wait(const hd_executor *executor, const hdi_plan_step *step) {
    const uint32_t *waits = hdi_plan_waits(executor->plan) + step->first_wait;
    int64_t latest = -1;
    for (uint32_t i = step->n_waits; i-- > 0 && (int64_t)waits[i] > latest;) {
        const hdi_bound_step *before = &executor->steps[waits[i]];
        latest = hdi_max_i64(latest, before->n_pieces ? (int64_t)waits[i] : before->wait);
    }
    return latest;
}

void hdi_pieces_bind(hd_executor *executor, uint32_t s) {
    const hd_plan *plan = executor->plan;
    const hdi_plan_step *from = &hdi_plan_steps(plan)[s];
    const hdi_kernel_call *whole = &executor->calls[s];
    hdi_kernel_work_fn work_of = hdi_kernel_work_of((hdi_kernel_id)from->kernel);
    hdi_bound_step *to = &executor->steps[s];
    int32_t chunks = (int32_t)chunks_of(plan, from);
    int64_t rows = whole->operand[0].rank ? whole->operand[0].shape[0] : 1;
    to->fn = hdi_kernel_get((hdi_kernel_id)from->kernel);
    to->wait = latest_wait(executor, from);
    to->listens = from->n_remotes > 0;
    to->tells = from->n_triggers > 0;
    to->n_pieces = hdi_condition_holds(executor, &from->when) ? hdi_pieces_of(plan, from, rows) : 0;
    if (chunks == 1) to->pieces[0].call = whole;
    for (int32_t p = 0; p < to->n_pieces; p++) {
        hdi_piece *piece = &to->pieces[p];
        if (chunks > 1) {
            hdi_kernel_call *call = &executor->piece_calls[piece->call - executor->piece_calls];
            memcpy(call->operand, whole->operand, sizeof *call->operand * (size_t)whole->n_operands);
            call->attr = whole->attr;
            call->n_operands = whole->n_operands;
            for (int i = 0; i < 2; i++) take_rows(&call->operand[i], rows * p / to->n_pieces, rows * (p + 1) / to->n_pieces);
        }
        work_of(piece->call, &piece->work);
    }
}
