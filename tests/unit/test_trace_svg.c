/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of traces made by hand: where spans stand, what is drawn together, which transfer an arrow leaves and which wait it
 * ends at, the window, hostile names, and what cannot be drawn or written. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/cmocka_all.h"
#include "unit/good.h"

#include "base/memory.h"
#include "device/device.h"
#include "task/trace_svg.h"

enum { SPANS = 4000, WIDTH = HDI_SVG_LEFT + HDI_SVG_RIGHT + 1000 }; /* a thousand pixels of time */

static char folder[64], path[96];

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/heddle-svg-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/trace.svg", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder); /* and no other file is there */
}

/* ---- traces by hand ---- */

static hd_trace *make_trace(size_t spans) {
    hd_trace *trace;
    good(hd_trace_create(&(hd_trace_options){.spans = spans}, &trace));
    return trace;
}

static uint16_t add_lane(hd_trace *trace, const char *name, int32_t rank) {
    uint16_t lane;
    good(hdi_trace_take_lane(trace, hdi_device_cpu(), name, &lane));
    trace->lanes[lane].rank = rank;
    if (rank == 0) return lane;
    trace->lanes[lane].import = (uint32_t)rank;
    trace->lanes[lane].device = NULL;
    snprintf(trace->lanes[lane].process, sizeof trace->lanes[lane].process, "rank %d: cpu", rank);
    snprintf(trace->lanes[lane].name, sizeof trace->lanes[lane].name, "rank %d: %s", rank, name);
    return lane;
}

static uint32_t add_label(hd_trace *trace, const char *name, const char *kernel, const char *shape) {
    uint32_t label;
    good(hdi_trace_add_labels(trace, 1, &label));
    hdi_trace_label *l = &trace->labels[label];
    snprintf(l->name, sizeof l->name, "%s", name);
    snprintf(l->kernel, sizeof l->kernel, "%s", kernel);
    snprintf(l->shape, sizeof l->shape, "%s", shape);
    return label;
}

static hdi_span *add_span(hd_trace *trace, uint16_t lane, uint32_t label, int64_t begin, int64_t end) {
    hdi_span *span = hdi_trace_add(trace);
    assert_non_null(span);
    *span = (hdi_span){.begin = begin, .end = end, .label = label, .lane = lane, .workers = 1, .first = true, .bytes = 2000};
    span->phase = HD_TRACE_DECODE;
    return span;
}

static hdi_span *add_note(hd_trace *trace, hdi_span_kind kind, uint16_t lane, int32_t other, int64_t begin, int64_t end) {
    hdi_span *span = add_span(trace, lane, 0, begin, end);
    span->kind = (uint8_t)kind;
    span->other = other;
    span->event = kind == HDI_SPAN_WAIT ? 12 : 0;
    span->bytes = kind == HDI_SPAN_WAIT ? 0 : 4096;
    return span;
}

/* ---- pictures ---- */

static char *read_picture(void) {
    struct stat s;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &s), 0);
    char *text = malloc((size_t)s.st_size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)s.st_size, f), s.st_size);
    text[s.st_size] = 0;
    fclose(f);
    return text;
}

static char *draw(hd_trace *trace, int64_t from, int64_t to) {
    good(hd_trace_write_svg(trace, path, &(hd_trace_svg_options){.from_ns = from, .to_ns = to, .width = WIDTH}));
    return read_picture();
}

/* Tags are closed in order, and nothing else stands where markup would. Gives how many elements there are. */
static size_t check_markup(const char *text) {
    const char *open[32];
    size_t depth = 0, elements = 0;
    for (const char *c = text; *c; c++) {
        if (*c == '&') assert_true(strcspn(c, ";") < 7);
        assert_true((unsigned char)*c >= 0x20 || *c == '\n' || *c == '\t');
        if (*c != '<') continue;
        const char *end = strchr(c, '>');
        assert_non_null(end);
        for (const char *k = c + 1; k < end; k++) assert_true(*k != '<');
        size_t name = strcspn(c + 1, " >/");
        if (c[1] == '/') {
            assert_true(depth > 0);
            depth--;
            assert_int_equal(strncmp(open[depth], c + 2, strcspn(open[depth], " >/")), 0);
        } else if (end[-1] != '/') {
            assert_true(name > 0 && depth < 32);
            open[depth++] = c + 1;
        }
        elements += c[1] != '/';
        c = end;
    }
    assert_int_equal(depth, 0);
    return elements;
}

typedef struct box {
    char kind[8];
    double x, y, width, height;
} box;

/* Boxes of lanes in the order of the file; `title`: of box number `want`. */
static size_t read_boxes(const char *text, box *boxes, size_t most) {
    size_t n = 0;
    for (const char *c = text; (c = strstr(c, "<rect class=\"")); c++) {
        box b;
        if (sscanf(c, "<rect class=\"%7[a-z0-9]\" x=\"%lf\" y=\"%lf\" width=\"%lf\" height=\"%lf\">", b.kind, &b.x, &b.y,
                   &b.width, &b.height) != 5)
            continue;
        if (strstr(c, ">") != strstr(c, "><title>")) continue; /* a lane or an entry of the legend */
        assert_true(n < most);
        boxes[n++] = b;
    }
    return n;
}

static void check_no_overlap(const box *boxes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        assert_true(boxes[i].x >= HDI_SVG_LEFT - 0.001 && boxes[i].x + boxes[i].width <= WIDTH - HDI_SVG_RIGHT + 2);
        for (size_t k = 0; k < i; k++) {
            bool beside = boxes[i].x >= boxes[k].x + boxes[k].width - 0.001 || boxes[k].x >= boxes[i].x + boxes[i].width - 0.001;
            bool below = boxes[i].y >= boxes[k].y + boxes[k].height || boxes[k].y >= boxes[i].y + boxes[i].height;
            if (!beside && !below) fail_msg("boxes %zu and %zu lie over each other", k, i);
        }
    }
}

static size_t count(const char *text, const char *word) {
    size_t n = 0;
    for (const char *c = text; (c = strstr(c, word)); c++) n++;
    return n;
}

static void has(const char *text, const char *word) {
    if (!strstr(text, word)) fail_msg("no \"%s\" in:\n%s", word, text);
}

static void near(double value, double wanted) {
    if (fabs(value - wanted) > 0.006) fail_msg("%g where %g was expected", value, wanted);
}

/* ---- what is drawn ---- */

static void an_empty_trace_is_a_picture(void **state) {
    (void)state;
    hd_trace *trace = make_trace(SPANS);
    char *text = draw(trace, 0, 0);
    check_markup(text);
    has(text, "0 spans on 0 lanes");
    has(text, "All spans of the trace are shown.");
    free(text);
    good(hd_trace_write_svg(trace, path, NULL));
    hd_trace_destroy(trace);
}

static void one_span_is_where_it_was(void **state) {
    (void)state;
    hd_trace *trace = make_trace(SPANS);
    uint32_t label = add_label(trace, "layers.3.up", "linear_f32_q8_panel", "96 x 64");
    box boxes[4];
    add_span(trace, add_lane(trace, "worker 0", 0), label, 2000, 6000)->flops = 8000;
    char *text = draw(trace, 1000, 11000);
    check_markup(text);
    assert_int_equal(read_boxes(text, boxes, 4), 1);
    near(boxes[0].x, HDI_SVG_LEFT + 100);
    near(boxes[0].width, 400 - 0.3);
    assert_string_equal(boxes[0].kind, "k0");
    has(text, "<title>layers.3.up\nlinear_f32_q8_panel, 96 x 64\n4.00 µs, 0.50 GB/s, 2.00 GFLOP/s</title>");
    has(text, ">layers.3.up</text>");
    has(text, "1 span on 1 lane<");
    has(text, "matrix product 40.0 %");
    has(text, "idle 60.0 %");
    has(text, ">2 µs</text>");
    assert_int_equal(count(text, "class=\"x\""), 6);
    free(text);
    text = draw(trace, 0, 0); /* the window is the span */
    assert_int_equal(read_boxes(text, boxes, 4), 1);
    near(boxes[0].x, HDI_SVG_LEFT);
    near(boxes[0].width, 1000 - 0.3);
    free(text);
    text = draw(trace, 4000, 5000); /* cut on both sides */
    assert_int_equal(read_boxes(text, boxes, 4), 1);
    near(boxes[0].width, 1000 - 0.3);
    free(text);
    hd_trace_destroy(trace);
}

static void kinds_of_kernels_have_their_colours(void **state) {
    static const struct {
        const char *kernel;
        hdi_svg_family family;
    } known[] = {{"linear_f32_f32", HDI_SVG_PRODUCT},
                 {"linear", HDI_SVG_PRODUCT},
                 {"linear_add", HDI_SVG_PRODUCT},
                 {"linearly", HDI_SVG_OTHER},
                 {"norm_qkv", HDI_SVG_PRODUCT},
                 {"rms_norm_f32", HDI_SVG_NORM},
                 {"reduce_norm_f32", HDI_SVG_REDUCE},
                 {"rope_table_f32", HDI_SVG_ROPE},
                 {"", HDI_SVG_ENGINE},
                 {"run", HDI_SVG_OTHER},
                 {"add_f32", HDI_SVG_ELEMENTWISE},
                 {"sample_f32", HDI_SVG_CHOICE}};
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (hdi_svg_family_of(known[i].kernel) != known[i].family) fail_msg("\"%s\" has another colour", known[i].kernel);
    for (int i = 0; i < HDI_SVG_FAMILY_COUNT; i++)
        for (int k = 0; k < i; k++) assert_string_not_equal(hdi_svg_colours[i].fill, hdi_svg_colours[k].fill);
}

/* Ten thousand nanoseconds a pixel: 300 spans of 1,000 ns side by side, then a wide one. */
static void narrow_spans_are_drawn_together(void **state) {
    (void)state;
    hd_trace *trace = make_trace(SPANS);
    uint16_t lane = add_lane(trace, "worker 0", 0);
    uint32_t product = add_label(trace, "p", "linear_f32_f32", ""), norm = add_label(trace, "n", "rms_norm_f32", "");
    static box boxes[400];
    for (int i = 0; i < 300; i++) add_span(trace, lane, i % 3 ? norm : product, i * 1000, i * 1000 + 1000);
    add_span(trace, lane, product, 5000000, 6000000);
    char *text = draw(trace, 0, 10000000);
    size_t n = read_boxes(text, boxes, 400);
    check_markup(text);
    check_no_overlap(boxes, n);
    assert_true(n > 15 && n < 40);
    assert_string_equal(boxes[0].kind, "k2"); /* most of them are norms */
    assert_string_equal(boxes[n - 1].kind, "k0");
    has(text, "300 spans too narrow for a pixel of their own are drawn together");
    has(text, "most of it: norm</title>");
    free(text);
    hd_trace_destroy(trace);
}

/* Spans over each other, of no length, over the window's edges: rows stay rows. */
static void rows_never_overlap(void **state) {
    (void)state;
    hd_trace *trace = make_trace(SPANS);
    uint16_t lanes[5];
    static box boxes[SPANS];
    uint32_t label = add_label(trace, "step", "gelu_f32", "");
    uint64_t random = 1;
    for (int i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "worker %d", i);
        lanes[i] = add_lane(trace, name, i / 2);
    }
    for (int i = 0; i < 1500; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t begin = (int64_t)(random >> 33) % 100000 - 5000, length = (int64_t)(random >> 50) % (i % 7 ? 200 : 8000);
        if (i % 5 == 0)
            add_note(trace, i % 2 ? HDI_SPAN_WAIT : HDI_SPAN_TRANSFER, lanes[i % 4], i % 3, begin, begin + length);
        else
            add_span(trace, lanes[i % 4], label, begin, begin + length);
    }
    char *text = draw(trace, 0, 80000);
    size_t n = read_boxes(text, boxes, SPANS);
    assert_true(n > 300);
    check_markup(text);
    check_no_overlap(boxes, n);
    assert_int_equal(count(text, "class=\"l\""), 4); /* the fifth lane has no span */
    free(text);
    hd_trace_destroy(trace);
}

static void an_arrow_goes_from_a_transfer_to_the_wait_it_ended(void **state) {
    (void)state;
    hd_trace *trace = make_trace(SPANS);
    uint16_t a = add_lane(trace, "worker 0", 0), b = add_lane(trace, "worker 0", 1);
    add_label(trace, "reduce", "reduce_f32", "");
    add_note(trace, HDI_SPAN_TRANSFER, a, 1, 100, 110); /* during the wait, but not the last */
    add_note(trace, HDI_SPAN_WAIT, b, 0, 50, 400);      /* ended by the one from 300 on */
    add_note(trace, HDI_SPAN_TRANSFER, a, 1, 300, 410); /* whose call returned after the other had seen it */
    add_note(trace, HDI_SPAN_TRANSFER, a, 1, 500, 510); /* nobody waited then */
    add_note(trace, HDI_SPAN_WAIT, b, 0, 700, 900);     /* ended by 890, not by 500 */
    add_note(trace, HDI_SPAN_TRANSFER, a, 1, 880, 890); /* to rank 1 */
    add_note(trace, HDI_SPAN_TRANSFER, b, 0, 600, 610); /* rank 0 finds it there, */
    add_note(trace, HDI_SPAN_WAIT, a, 1, 650, 660);     /* and waits for something else */
    add_note(trace, HDI_SPAN_WAIT, b, 2, 910, 999);     /* for a rank that is not there */
    good(hdi_trace_settle(trace));
    hdi_svg svg = {.trace = trace};
    size_t all[16];
    for (size_t i = 0; i < trace->n; i++) all[i] = i;
    svg.spans = all;
    svg.n_spans = trace->n;
    good(hdi_svg_find_arrows(&svg));
    assert_int_equal(svg.n_arrows, 2);
    assert_int_equal(trace->spans[svg.arrows[0].transfer].begin, 300);
    assert_int_equal(trace->spans[svg.arrows[0].wait].end, 400);
    assert_int_equal(trace->spans[svg.arrows[1].transfer].begin, 880);
    assert_int_equal(trace->spans[svg.arrows[1].wait].end, 900);
    hdi_free(svg.arrows);
    char *text = draw(trace, 0, 1000);
    check_markup(text);
    assert_int_equal(count(text, "marker-end"), 2);
    has(text, "4096 bytes from rank 0 to rank 1,\nwhich had waited for 350 ns");
    has(text, ">rank 0: cpu: ");
    has(text, ">rank 1: cpu<");
    assert_int_equal(count(text, ">worker 0<"), 3); /* rank 0's in full, too */
    has(text, ">rank 1: worker 0</title>");
    has(text, "waiting for other ranks ");
    has(text, "sent to other ranks: 20.5 KB");
    free(text);
    hd_trace_destroy(trace);
}

static void more_arrows_than_can_be_seen_are_counted(void **state) {
    (void)state;
    hd_trace *trace = make_trace(SPANS);
    uint16_t a = add_lane(trace, "worker 0", 0), b = add_lane(trace, "worker 0", 1);
    add_label(trace, "reduce", "reduce_f32", "");
    for (int i = 0; i < HDI_SVG_MOST_ARROWS + 7; i++) {
        add_note(trace, HDI_SPAN_TRANSFER, a, 1, 100 * i + 50, 100 * i + 55);
        add_note(trace, HDI_SPAN_WAIT, b, 0, 100 * i + 10, 100 * i + 60);
    }
    char *text = draw(trace, 0, 100000);
    assert_int_equal(count(text, "marker-end"), HDI_SVG_MOST_ARROWS);
    has(text, "Not shown: 7 arrows.");
    free(text);
    hd_trace_destroy(trace);
}

/* ---- the window ---- */

/* Runs of 40 spans, each with its engine's span before it. */
static hd_trace *trace_of_runs(int runs, int spans) {
    hd_trace *trace = make_trace((size_t)runs * (size_t)(spans + 1));
    uint16_t engine = add_lane(trace, "engine", 0), worker = add_lane(trace, "worker 0", 0);
    uint32_t fill = add_label(trace, "fill", "", ""), step = add_label(trace, "step", "linear_f32_f32", "");
    for (int r = 0; r < runs; r++) {
        int64_t at = 1000000 * r;
        add_span(trace, engine, fill, at, at + 1000);
        for (int i = 0; i < spans; i++) add_span(trace, worker, step, at + 2000 + i * 100, at + 2090 + i * 100)->begins = i == 0;
    }
    return trace;
}

static void the_last_whole_runs_are_shown(void **state) {
    (void)state;
    hd_trace *trace = trace_of_runs(9, 40); /* 200 spans at most on two lanes: four runs of 41 */
    char *text = draw(trace, 0, 0);
    has(text, "4 decode runs: 164 spans on 2 lanes");
    has(text, "Not shown: 205 spans before the window.");
    assert_int_equal(count(text, "class=\"r\""), 4);
    has(text, "from 5.00 ms on"); /* the engine's part of the first of them */
    free(text);
    text = draw(trace, 2000000, 3000000);
    has(text, "1 decode run: 41 spans");
    has(text, "Not shown: 82 spans before the window; 246 spans behind it.");
    free(text);
    hd_trace_destroy(trace);
    trace = trace_of_runs(2, 1500); /* too many: the last run all the same */
    trace->lost = 99;
    text = draw(trace, 0, 0);
    has(text, "1 decode run: 1501 spans");
    has(text, "99 spans that the trace had no room for");
    free(text);
    hd_trace_destroy(trace);
}

static void without_runs_the_last_spans_are_shown(void **state) {
    (void)state;
    hd_trace *trace = trace_of_runs(3, 400);
    for (size_t i = 0; i < trace->n; i++) trace->spans[i].begins = false;
    char *text = draw(trace, 0, 0);
    has(text, "200 spans on 2 lanes");
    free(text);
    hd_trace_destroy(trace);
}

static void windows_that_show_nothing_are_refused(void **state) {
    static const hd_trace_svg_options bad[] = {{.from_ns = 5, .to_ns = 5},
                                               {.from_ns = 5},
                                               {.from_ns = INT64_MIN, .to_ns = 5},
                                               {.to_ns = INT64_MAX},
                                               {.width = 399},
                                               {.width = -1},
                                               {.width = 20001}};
    (void)state;
    hd_trace *trace = trace_of_runs(1, 4);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(hd_trace_write_svg(trace, path, &bad[i]), HD_INVALID_ARGUMENT);
    assert_int_equal(access(path, F_OK), -1);
    char *text = draw(trace, 500000, 600000); /* nothing is there, and that is what is shown */
    has(text, ": 0 spans on 2 lanes");
    free(text);
    text = draw(trace, -((int64_t)1 << 61), (int64_t)1 << 61);
    check_markup(text);
    free(text);
    hd_trace_destroy(trace);
}

/* ---- what others may have called things ---- */

static void hostile_names_stay_text(void **state) {
    static const char *const names[] = {"</title><script>alert(1)</script>",
                                        "a & b \"c\" 'd'",
                                        "\xff\xfe\x80",
                                        "cut \xe2\x82",
                                        "\x01\x1b[31m\x7f",
                                        "\xef\xbf\xbf ]]> <!--",
                                        "\xf0\x9f\xa7\xb5\xf0\x9f\xa7\xb5"};
    (void)state;
    hd_trace *trace = make_trace(SPANS);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint16_t lane = add_lane(trace, names[i], (int32_t)i);
        add_span(trace, lane, add_label(trace, names[i], names[i], names[i]), 0, 1000)->begins = true;
    }
    good(hd_trace_write_svg(trace, path, &(hd_trace_svg_options){.title = names[0], .width = 400}));
    char *text = read_picture();
    check_markup(text);
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "\xff"));
    assert_null(strstr(text, "\x1b"));
    has(text, "a &amp; b &quot;c&quot; &#39;d&#39;");
    has(text, "cut ?");
    has(text, "\xf0\x9f\xa7\xb5\xf0\x9f\xa7\xb5");
    free(text);
    hd_trace_destroy(trace);
}

static void texts_are_cut_between_letters(void **state) {
    static const struct {
        const char *text;
        size_t most;
        const char *wanted;
    } cuts[] = {{"abc", 3, "abc"}, {"abcd", 3, "ab…"},   {"äöü", 3, "äöü"}, {"äöüß", 2, "ä…"},
                {"", 1, ""},       {"a<b", 9, "a&lt;b"}, {"ab", 1, "…"},    {"ab", 0, "…"}};
    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        char *text;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        assert_non_null(f);
        hdi_svg_text(f, cuts[i].text, cuts[i].most);
        fclose(f);
        assert_string_equal(text, cuts[i].wanted);
        free(text);
    }
}

/* ---- what fails ---- */

static void pictures_that_cannot_be_written(void **state) {
    (void)state;
    hd_trace *trace = trace_of_runs(2, 10);
    assert_int_equal(hd_trace_write_svg(trace, "/nowhere at all/trace.svg", NULL), HD_IO);
    assert_non_null(strstr(hd_last_error(), "No such file or directory"));
    assert_int_equal(hd_trace_write_svg(trace, folder, NULL), HD_IO);
    assert_int_equal(hd_trace_write_svg(trace, "", NULL), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_trace_write_svg(NULL, path, NULL), HD_INVALID_ARGUMENT);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(hd_trace_write_svg(trace, "/dev/full", NULL), HD_IO);
        assert_non_null(strstr(hd_last_error(), "No space left on device"));
    }
    hd_trace_destroy(trace);
}

static void memory_runs_out(void **state) {
    (void)state;
    hd_trace *trace = trace_of_runs(2, 10);
    hd_status status = HD_OUT_OF_MEMORY;
    int64_t n = 0;
    for (; status == HD_OUT_OF_MEMORY; n++) {
        assert_int_equal(access(path, F_OK), -1);
        hdi_memory_fail_after(n);
        status = hd_trace_write_svg(trace, path, NULL);
        hdi_memory_fail_after(-1);
    }
    good(status);
    assert_true(n > 5);
    char *text = read_picture();
    check_markup(text);
    free(text);
    hd_trace_destroy(trace);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_empty_trace_is_a_picture),
        TEST(one_span_is_where_it_was),
        TEST(kinds_of_kernels_have_their_colours),
        TEST(narrow_spans_are_drawn_together),
        TEST(rows_never_overlap),
        TEST(an_arrow_goes_from_a_transfer_to_the_wait_it_ended),
        TEST(more_arrows_than_can_be_seen_are_counted),
        TEST(the_last_whole_runs_are_shown),
        TEST(without_runs_the_last_spans_are_shown),
        TEST(windows_that_show_nothing_are_refused),
        TEST(hostile_names_stay_text),
        TEST(texts_are_cut_between_letters),
        TEST(pictures_that_cannot_be_written),
        TEST(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
