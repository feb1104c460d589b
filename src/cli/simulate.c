/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle simulate`: how long steps of a model would take on more ranks than there are. Each row is simulated twice: one run by
 * itself, and several behind each other, which is how stages of a pipeline all have work. One run of prompts ends them; of
 * several none does: they are chunks of long prompts, of which only the last draws. */
#include "cli/simulate.h"

#include <stdlib.h>

#include "cli/load.h"

static double share_of_kernels(const hd_sim_result *r) { return r->seconds > 0 ? r->path_kernels / r->seconds : 0; }

/* No rank could do runs faster than the busiest one. */
static double busiest_of(const hd_sim_result *r) {
    double most = 0;
    for (int32_t i = 0; i < r->ranks; i++)
        if (r->rank[i].busy + r->rank[i].overhead > most) most = r->rank[i].busy + r->rank[i].overhead;
    return most;
}

static int simulate_row_of(const simulate_options *o, hd_sim_plans *plans, simulate_row *row) {
    hd_sim_machine machine;
    hd_sim_result *one = NULL, *many = NULL;
    simulate_machine(o, &machine);
    hd_status status = hd_simulate(plans, &machine, 1, &one);
    if (status == HD_OK && row->tokens > 1) status = hd_sim_plans_set(plans, "rows", 0);
    if (status == HD_OK) status = hd_simulate(plans, &machine, (int32_t)o->runs, &many);
    if (status == HD_OK) {
        row->ranks = hd_sim_plans_ranks(plans);
        row->seconds = one->seconds;
        row->every = (many->seconds - many->first_run) / (double)(o->runs - 1);
        row->busiest = busiest_of(one);
        row->alone_waiting = one->waiting;
        row->kernels = share_of_kernels(one);
        row->messages = one->messages;
        row->message_bytes = one->bytes;
        if (o->path) simulate_print_path(o->json ? stderr : stdout, one);
    }
    hd_sim_result_destroy(one);
    hd_sim_result_destroy(many);
    return status == HD_OK ? EXIT_OK : cli_fail_status(status);
}

static int simulate_model(const simulate_options *o, hd_sim_shape shape, simulate_row *row) {
    const hd_sim_step step = {(int32_t)o->sequences, (int32_t)row->tokens, (int32_t)o->context};
    hd_sim_plans *plans;
    if (o->layers) shape.layers = (int32_t)o->layers;
    if (o->layers_a_stage) shape.layers = (int32_t)o->layers_a_stage * row->pipeline;
    row->layers = shape.layers;
    hd_status status = hd_sim_plans_model(&shape, row->tensor, row->pipeline, (int32_t)o->chunks, o->two_shot, &step, &plans);
    if (status != HD_OK) return cli_fail_status(status);
    int code = simulate_row_of(o, plans, row);
    hd_sim_plans_destroy(plans);
    return code;
}

static int simulate_models(const simulate_options *o, const hd_sim_shape *shape, simulate_rows *rows) {
    for (size_t n = 0; n < o->tokens.count; n++)
        for (size_t t = 0; t < o->tensor.count; t++)
            for (size_t p = 0; p < o->pipeline.count && !cli_interrupted(); p++) {
                simulate_row *row = &rows->row[rows->count++];
                *row = (simulate_row){.tensor = (int32_t)o->tensor.items[t],
                                      .pipeline = (int32_t)o->pipeline.items[p],
                                      .tokens = o->tokens.items[n]};
                int code = simulate_model(o, *shape, row);
                if (code != EXIT_OK) return code;
            }
    return EXIT_OK;
}

static int simulate_all_reduces(const simulate_options *o, simulate_rows *rows) {
    for (size_t b = 0; b < o->bytes.count; b++)
        for (size_t r = 0; r < o->ranks.count && !cli_interrupted(); r++) {
            simulate_row *row = &rows->row[rows->count++];
            hd_sim_plans *plans;
            *row = (simulate_row){.bytes = o->bytes.items[b]};
            hd_status status = hd_sim_plans_all_reduce((int32_t)o->ranks.items[r], row->bytes / (int64_t)sizeof(float), &plans);
            if (status != HD_OK) return cli_fail_status(status);
            int code = simulate_row_of(o, plans, row);
            hd_sim_plans_destroy(plans);
            if (code != EXIT_OK) return code;
        }
    return EXIT_OK;
}

static int calibrate(const simulate_options *o) {
    char buffer[CLI_PATH_MAX];
    hd_sim_calibration *c;
    int code = EXIT_OK;
    const char *folder = cli_model_folder(o->model, buffer, &code);
    if (!folder) return code;
    hd_status status = hd_sim_calibrate(folder, (int32_t)o->repetitions, &c);
    if (status != HD_OK) return cli_fail_status(status);
    code = simulate_print_calibration(o, folder, c);
    hd_sim_calibration_destroy(c);
    return code;
}

int cli_simulate_main(int argc, char **argv) {
    simulate_options options;
    hd_sim_shape shape = {.name = "all-reduce"};
    int code = simulate_parse(argc, argv, &options);
    if (code >= 0) return code;
    if (options.calibrate) return calibrate(&options);
    simulate_rows *rows = calloc(1, sizeof *rows);
    if (!rows) return cli_fail(EXIT_MEMORY, "the results do not fit into memory");
    hd_status status = HD_OK;
    if (!options.all_reduce)
        status = options.model ? hd_sim_shape_read(options.model, &shape)
                               : hd_sim_shape_find(options.shape ? options.shape : "llama70b", &shape);
    code = status != HD_OK      ? cli_fail_status(status)
           : options.all_reduce ? simulate_all_reduces(&options, rows)
                                : simulate_models(&options, &shape, rows);
    if (code == EXIT_OK && options.svg) code = simulate_write_svg(&options, &shape, rows);
    if (code == EXIT_OK) code = simulate_print(&options, &shape, rows);
    free(rows);
    return code;
}
