/* SPDX-License-Identifier: Apache-2.0 */
/* Running pre-tokenisers: pieces flow through the steps one at a time, so that nothing is stored but the piece in hand. */
#include "text/pretokenizer.h"

#include "text/byte_level.h"

typedef struct run {
    const hdi_pretokenizer *p;
    hdi_matcher *matcher;
    hdi_pretokenizer_scratch *scratch;
    hdi_piece_sink sink;
    void *self;
} run;

/* The cutting of one piece by one step: takes the pattern's matches and the gaps between them in order, joins neighbours as
 * the behaviour says, and passes finished pieces to the next step. */
typedef struct cutter {
    const run *r;
    size_t step;
    hdi_span text;
    bool first;               /* text stands at the beginning of everything */
    bool holding, held_match; /* a piece that the next part may still join */
    size_t start, end;
} cutter;

static hd_status run_step(const run *r, size_t index, hdi_span text, bool first);

void hdi_pretokenizer_scratch_free(hdi_pretokenizer_scratch *s) {
    for (size_t i = 0; i < s->count; i++) {
        hdi_buffer_free(&s->buffers[i][0]);
        hdi_buffer_free(&s->buffers[i][1]);
    }
    hdi_free(s->buffers);
    *s = (hdi_pretokenizer_scratch){0};
}

static hd_status pass_on(const run *r, size_t step, hdi_span piece, bool first) {
    if (piece.size == 0) return HD_OK;
    if (r->p->steps[step].byte_level) {
        hdi_buffer *mapped = &r->scratch->buffers[step][1];
        mapped->size = 0;
        HD_TRY(hdi_byte_level_add(mapped, piece));
        piece = hdi_buffer_span(mapped);
    }
    return run_step(r, step + 1, piece, first);
}

static hd_status emit(const cutter *c, size_t start, size_t end) {
    return pass_on(c->r, c->step, hdi_span_of(c->text.data + start, end - start), c->first && start == 0);
}

static hd_status release(cutter *c) {
    if (!c->holding) return HD_OK;
    c->holding = false;
    return emit(c, c->start, c->end);
}

/* The next part of the text: a match or what lies between two. */
static hd_status part(cutter *c, size_t start, size_t end, bool match) {
    const hdi_pretokenizer_step *step = &c->r->p->steps[c->step];
    match ^= step->invert;
    bool join = false;
    switch (step->behavior) {
    case HDI_REMOVED:
        return match ? HD_OK : emit(c, start, end);
    case HDI_ISOLATED:
        return emit(c, start, end);
    case HDI_MERGED_WITH_PREVIOUS:
        join = match && !c->held_match;
        break;
    case HDI_MERGED_WITH_NEXT:
        join = !match && c->held_match;
        break;
    case HDI_CONTIGUOUS:
        join = match == c->held_match;
        break;
    }
    c->held_match = match;
    if (c->holding && join) {
        c->end = end;
        return HD_OK;
    }
    HD_TRY(release(c));
    c->holding = true;
    c->start = start;
    c->end = end;
    return HD_OK;
}

static hd_status cut_at_pattern(cutter *c, const hdi_pattern *pattern) {
    hdi_search search = hdi_search_begin(pattern, c->r->matcher, c->text);
    size_t done = 0, start, end;
    for (;;) {
        HD_TRY(hdi_search_next(&search, &start, &end));
        if (start == SIZE_MAX) break;
        if (done != start) HD_TRY(part(c, done, start, false));
        HD_TRY(part(c, start, end, true));
        done = end;
    }
    return done == c->text.size ? HD_OK : part(c, done, c->text.size, false);
}

static hd_status cut_at_class(cutter *c, bool (*is_member)(uint32_t)) {
    size_t done = 0;
    for (size_t at = 0; at < c->text.size;) {
        size_t start = at;
        if (!is_member(hdi_next_cp(c->text, &at))) continue;
        if (done != start) HD_TRY(part(c, done, start, false));
        HD_TRY(part(c, start, at, true));
        done = at;
    }
    return done == c->text.size ? HD_OK : part(c, done, c->text.size, false);
}

static hd_status rewrite_metaspace(const hdi_pretokenizer_step *step, hdi_buffer *out, hdi_span text, bool first) {
    hdi_span mark = hdi_span_of(step->replacement, step->replacement_size);
    bool marked = text.data[0] == ' ' || (text.size >= mark.size && memcmp(text.data, mark.data, mark.size) == 0);
    if (!marked && (step->prepend == HDI_PREPEND_ALWAYS || (step->prepend == HDI_PREPEND_FIRST && first)))
        HD_TRY(hdi_buffer_add_span(out, mark));
    for (size_t at = 0; at < text.size;) {
        const char *space = memchr(text.data + at, ' ', text.size - at);
        size_t end = space ? (size_t)(space - text.data) : text.size;
        HD_TRY(hdi_buffer_add(out, text.data + at, end - at));
        if (space) HD_TRY(hdi_buffer_add_span(out, mark));
        at = end + (space ? 1 : 0);
    }
    return HD_OK;
}

static hd_status run_step(const run *r, size_t index, hdi_span text, bool first) {
    if (index == r->p->count) return r->sink(r->self, text);
    const hdi_pretokenizer_step *step = &r->p->steps[index];
    hdi_buffer *rewritten = &r->scratch->buffers[index][0];
    rewritten->size = 0;
    if (step->rewrite == HDI_REWRITE_METASPACE) {
        HD_TRY(rewrite_metaspace(step, rewritten, text, first));
        text = hdi_buffer_span(rewritten);
    } else if (step->rewrite == HDI_REWRITE_PREFIX_SPACE && text.data[0] != ' ') {
        HD_TRY(hdi_buffer_add(rewritten, " ", 1));
        HD_TRY(hdi_buffer_add_span(rewritten, text));
        text = hdi_buffer_span(rewritten);
    }
    if (step->cut == HDI_CUT_NONE) return pass_on(r, index, text, first);
    cutter c = {.r = r, .step = index, .text = text, .first = first};
    HD_TRY(step->cut == HDI_CUT_PATTERN ? cut_at_pattern(&c, &step->pattern) : cut_at_class(&c, step->is_member));
    return release(&c);
}

hd_status hdi_pretokenizer_run(const hdi_pretokenizer *p, hdi_matcher *matcher, hdi_pretokenizer_scratch *scratch, hdi_span text,
                               bool first, hdi_piece_sink sink, void *self) {
    if (text.size == 0) return HD_OK;
    if (scratch->count < p->count) {
        HD_TRY(hdi_calloc(&scratch->buffers, p->count, sizeof *scratch->buffers, "pre-tokenizer buffers"));
        scratch->count = p->count;
    }
    const run r = {.p = p, .matcher = matcher, .scratch = scratch, .sink = sink, .self = self};
    return run_step(&r, 0, text, first);
}
