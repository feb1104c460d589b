/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler without a model: who runs, who waits, who gives way, and that pages are held by exactly one. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "engine/random.h"
#include "engine/scheduler.h"

enum { PAGE = 4, MOST_TOKENS = 64, MANY = 24 };

typedef struct fake {
    hd_sequence s;
    int32_t tokens[MOST_TOKENS], pages[MOST_TOKENS / PAGE];
} fake;

static fake fakes[MANY];
static hdi_kv_pages pages;
static hdi_scheduler scheduler;

static void start(int32_t n_pages, int32_t max_sequences, int32_t max_tokens) {
    assert_int_equal(hdi_kv_pages_init(&pages, n_pages), HD_OK);
    assert_int_equal(hdi_scheduler_init(&scheduler, &pages, PAGE, max_sequences, max_tokens), HD_OK);
}

static void end(void) {
    assert_int_equal(hdi_kv_pages_used(&pages), 0);
    hdi_scheduler_deinit(&scheduler);
    hdi_kv_pages_deinit(&pages);
}

static hd_sequence *add(int i, int64_t n_prompt, int64_t limit) {
    fake *f = &fakes[i];
    memset(f, 0, sizeof *f);
    f->s.tokens = f->tokens;
    f->s.pages = f->pages;
    f->s.n = f->s.n_prompt = n_prompt;
    f->s.limit = limit;
    f->s.number = (uint64_t)i;
    hdi_scheduler_add(&scheduler, &f->s);
    return &f->s;
}

/* Every token that is computed or about to be has a page, and no page has two owners. */
static void check_pages(int n) {
    bool owned[1024] = {false};
    for (int i = 0; i < n; i++)
        for (int32_t k = 0; k < fakes[i].s.n_pages; k++) {
            assert_false(owned[fakes[i].s.pages[k]]);
            owned[fakes[i].s.pages[k]] = true;
        }
    for (int32_t i = 0; i < scheduler.n_chunks; i++) {
        const hdi_chunk *c = &scheduler.chunks[i];
        assert_int_equal(c->begin, c->sequence->computed);
        assert_in_range(c->begin + c->count, 1, c->sequence->n_pages * PAGE);
        assert_int_equal(c->draws, c->begin + c->count == c->sequence->n);
        for (int32_t k = 0; k < i; k++) assert_ptr_not_equal(scheduler.chunks[k].sequence, c->sequence);
    }
}

/* As the engine does after a run. Returns how many tokens were in the step. */
static int64_t advance(void) {
    int64_t tokens = 0;
    for (int32_t i = 0; i < scheduler.n_chunks; i++) {
        const hdi_chunk c = scheduler.chunks[i];
        c.sequence->computed += c.count;
        tokens += c.count;
        if (c.draws && ++c.sequence->n == c.sequence->limit) hdi_scheduler_remove(&scheduler, c.sequence);
    }
    return tokens;
}

static void prompts_share_what_decodes_leave(void **state) {
    (void)state;
    start(16, 3, 6);
    add(0, 8, 12);
    add(1, 5, 12);
    hdi_scheduler_plan(&scheduler); /* 6 of the first prompt */
    assert_int_equal(scheduler.n_chunks, 1);
    assert_int_equal(scheduler.chunks[0].count, 6);
    assert_false(scheduler.chunks[0].draws);
    assert_true(scheduler.chunks[0].prefill);
    advance();
    hdi_scheduler_plan(&scheduler); /* its last 2, and 4 of the second */
    assert_int_equal(scheduler.n_chunks, 2);
    assert_int_equal(scheduler.chunks[0].count, 2);
    assert_true(scheduler.chunks[0].draws);
    assert_int_equal(scheduler.chunks[1].count, 4);
    advance();
    hdi_scheduler_plan(&scheduler); /* the first decodes; the second's last token */
    assert_int_equal(scheduler.n_chunks, 2);
    assert_ptr_equal(scheduler.chunks[0].sequence, &fakes[0].s);
    assert_false(scheduler.chunks[0].prefill);
    assert_int_equal(scheduler.chunks[1].count, 1);
    assert_true(scheduler.chunks[1].prefill);
    hdi_scheduler_remove(&scheduler, &fakes[0].s);
    hdi_scheduler_remove(&scheduler, &fakes[1].s);
    end();
}

static void the_youngest_gives_way_and_comes_back(void **state) {
    (void)state;
    start(5, 4, 16); /* 20 tokens of cache */
    hd_sequence *a = add(0, 8, 20), *b = add(1, 4, 20);
    hdi_scheduler_plan(&scheduler);
    assert_int_equal(scheduler.n_running, 2);
    advance();
    while (scheduler.n_running == 2 && a->n < 20) {
        hdi_scheduler_plan(&scheduler);
        check_pages(2);
        advance();
    }
    assert_int_equal(scheduler.n_waiting, 1);
    assert_int_equal(b->state, HDI_SEQUENCE_WAITING);
    assert_int_equal(b->n_pages, 0);
    int64_t n = b->n;
    hd_sequence *c = add(2, 1, 4); /* younger: stays behind b in the queue */
    assert_ptr_equal(scheduler.waiting, b);
    while (a->state != HDI_SEQUENCE_DONE) {
        hdi_scheduler_plan(&scheduler);
        check_pages(3);
        advance();
    }
    assert_int_equal(c->computed, 0);
    hdi_scheduler_plan(&scheduler);
    assert_ptr_equal(scheduler.chunks[0].sequence, b);
    assert_int_equal(scheduler.chunks[0].count, n); /* all it had, drawn tokens too */
    assert_true(scheduler.chunks[0].draws && scheduler.chunks[0].prefill);
    hdi_scheduler_remove(&scheduler, b);
    hdi_scheduler_remove(&scheduler, c);
    end();
}

/* ---- steps under way ---- */

enum { MOST_STAGES = 4 };

static struct {
    hdi_chunk chunks[MOST_TOKENS];
    int32_t n;
} flights[MOST_STAGES];
static int under_way;

/* The planned step begins; its tokens come later. */
static int64_t launch(void) {
    int64_t tokens = 0;
    assert_in_range(under_way, 0, MOST_STAGES - 1);
    flights[under_way].n = scheduler.n_chunks;
    memcpy(flights[under_way].chunks, scheduler.chunks, sizeof *scheduler.chunks * (size_t)scheduler.n_chunks);
    for (int32_t i = 0; i < scheduler.n_chunks; i++) {
        const hdi_chunk *c = &scheduler.chunks[i];
        c->sequence->computed += c->count;
        c->sequence->pending += c->draws;
        tokens += c->count;
    }
    under_way++;
    return tokens;
}

/* The oldest step's tokens come. */
static void deliver(void) {
    for (int32_t i = 0; i < flights[0].n; i++) {
        const hdi_chunk *c = &flights[0].chunks[i];
        if (!c->sequence || !c->draws) continue;
        c->sequence->pending--;
        if (++c->sequence->n == c->sequence->limit) hdi_scheduler_remove(&scheduler, c->sequence);
    }
    memmove(flights, flights + 1, sizeof flights - sizeof flights[0]);
    under_way--;
}

static void cancel(hd_sequence *s) {
    hdi_scheduler_remove(&scheduler, s);
    s->pending = 0;
    for (int f = 0; f < under_way; f++)
        for (int32_t i = 0; i < flights[f].n; i++)
            if (flights[f].chunks[i].sequence == s) flights[f].chunks[i].sequence = NULL;
}

static void plan(int32_t expected) {
    hdi_scheduler_plan(&scheduler);
    assert_int_equal(scheduler.n_chunks, expected);
}

static void stages_share_the_decodes(void **state) {
    (void)state;
    start(32, 5, 16);
    scheduler.foresees = false;
    scheduler.groups = 2;
    for (int i = 0; i < 5; i++) add(i, 2, 8);
    plan(5); /* the prompts */
    launch();
    plan(0); /* nobody knows his next token */
    deliver();
    plan(3);
    launch();
    plan(2);
    assert_ptr_equal(scheduler.chunks[0].sequence, &fakes[3].s);
    launch();
    plan(0);
    deliver();
    plan(3);
    assert_ptr_equal(scheduler.chunks[0].sequence, &fakes[0].s);
    deliver();
    for (int i = 0; i < 5; i++) hdi_scheduler_remove(&scheduler, &fakes[i].s);
    end();
}

/* One that lost its pages while its token is under way. */
static void who_waits_for_a_token_is_not_admitted(void **state) {
    (void)state;
    for (int foresees = 0; foresees < 2; foresees++) {
        start(32, 2, 16);
        scheduler.foresees = foresees;
        hd_sequence *s = add(0, 2, 8);
        s->pending = 1;
        plan(foresees);
        s->pending = 0;
        s->n++;
        plan(1);
        hdi_scheduler_remove(&scheduler, s);
        end();
    }
}

/* Random loads with too few pages: all finish, no step is empty, no token too many. */
static void everything_finishes(void **state) {
    (void)state;
    under_way = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        int32_t n_pages = MOST_TOKENS / PAGE + (int32_t)(hdi_random_uniform(seed, 0) * 20);
        int32_t width = 1 + (int32_t)(hdi_random_uniform(seed, 1) * 6),
                budget = width + (int32_t)(hdi_random_uniform(seed, 2) * 20);
        int steps = 0, added = 0, stages = 1 + (int)(seed % MOST_STAGES);
        start(n_pages, width, budget);
        scheduler.foresees = false;
        scheduler.groups = stages;
        do {
            if (added < MANY && hdi_random_uniform(seed, 1000 + (uint64_t)steps) < 0.5f) {
                int64_t prompt = 1 + (int64_t)(hdi_random_uniform(seed, 10 + (uint64_t)added) * (MOST_TOKENS - 2));
                add(added, prompt,
                    prompt + 1 + (int64_t)(hdi_random_uniform(seed, 50 + (uint64_t)added) * (float)(MOST_TOKENS - prompt - 1)));
                added++;
            }
            if (added > 3 && steps % 37 == 36) cancel(&fakes[added - 2].s);
            hdi_scheduler_plan(&scheduler);
            check_pages(added);
            assert_true(scheduler.n_chunks > 0 || under_way > 0 || scheduler.n_running + scheduler.n_waiting == 0);
            bool launched = scheduler.n_chunks > 0;
            if (launched) assert_in_range(launch(), 1, budget);
            if (under_way == stages || (!launched && under_way)) deliver();
            assert_in_range(++steps, 0, 100000);
        } while (added < MANY || scheduler.n_running + scheduler.n_waiting > 0);
        for (int i = 0; i < MANY; i++) assert_int_equal(fakes[i].s.state, HDI_SEQUENCE_DONE);
        end();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_share_what_decodes_leave),
        cmocka_unit_test(the_youngest_gives_way_and_comes_back),
        cmocka_unit_test(stages_share_the_decodes),
        cmocka_unit_test(who_waits_for_a_token_is_not_admitted),
        cmocka_unit_test(everything_finishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
