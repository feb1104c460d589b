/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle devices`: what models can run on here, with its memory, units and measured rates; and of every kind that is not here,
 * why. */
#include <stdlib.h>
#include <string.h>

#include "cli/load.h"
#include "cli/options.h"

typedef struct devices_options {
    bool json, quick;
} devices_options;

enum { ROWS = 3 };

static size_t make_table(devices_options *o, cli_option table[ROWS]) {
    const cli_option rows[] = {
        {CLI_HEADING, .help = "options"},
        {CLI_FLAG, 'q', "quick", NULL, &o->quick, .help = "list only; measure nothing"},
        {CLI_FLAG, 0, "json", NULL, &o->json, .help = "a JSON object instead of lines"},
    };
    _Static_assert(CLI_COUNT(rows) <= ROWS, "the table is full");
    for (size_t i = 0; i < CLI_COUNT(rows); i++) table[i] = rows[i];
    return CLI_COUNT(rows);
}

void cli_devices_help(FILE *to) {
    devices_options options = {0};
    cli_option table[ROWS];
    fprintf(to, "heddle devices: list what models can run on here\n\nusage: heddle devices [--quick] [--json]\n");
    cli_print_options(to, table, make_table(&options, table));
    fprintf(to,
            "\nRates: of the CPU, what all its threads read from memory; of a GPU, bytes read and written by a copy within its\n"
            "memory, and copies from and to page-locked memory of the host.\n"
            "\nexamples\n"
            "  heddle devices\n"
            "  heddle devices --json | jq -r '.devices[].name'\n");
}

/* One device, as far as it could be learnt. */
typedef struct row {
    char name[32];
    hd_device_properties properties;
    bool cpu, measured;
    double rate, to_device, from_device; /* bytes/s */
    char failure[512];                   /* "": none */
} row;

static void measure(const hd_device *device, row *r) {
    /* The host back end moves bytes with the CPU, and is there for tests. */
    size_t bytes = hd_device_get_type(device) == HD_DEVICE_HOST ? (size_t)8 << 20 : 0;
    hd_status status = r->cpu ? hd_measure_bandwidth(r->properties.units, 0, &r->rate) : hd_measure_copy(device, bytes, &r->rate);
    if (status == HD_OK && !r->cpu) status = hd_measure_transfer(device, bytes, &r->to_device, &r->from_device);
    if (status != HD_OK)
        snprintf(r->failure, sizeof r->failure, "%s", hd_last_error());
    else
        r->measured = true;
}

static void learn(const hd_device *device, bool quick, row *r) {
    memset(r, 0, sizeof *r);
    cli_device_name(device, r->name);
    r->cpu = hd_device_get_type(device) == HD_DEVICE_CPU;
    if (hd_device_get_properties(device, &r->properties) != HD_OK)
        snprintf(r->failure, sizeof r->failure, "%s", hd_last_error());
    else if (!quick)
        measure(device, r);
}

static void print_row(FILE *to, const row *r, bool quick) {
    char a[32], b[32], c[32];
    const hd_device_properties *p = &r->properties;
    fprintf(to, "%-8s %s", r->name, p->name[0] ? p->name : "?");
    if (p->units) fprintf(to, ", %s, %d units of %d lanes", cli_bytes(a, (double)p->memory_bytes), (int)p->units, (int)p->lanes);
    if (r->measured && r->cpu)
        fprintf(to, ", reads %s/s", cli_bytes(a, r->rate));
    else if (r->measured)
        fprintf(to, ", copies %s/s; from the host %s/s, to it %s/s", cli_bytes(a, r->rate), cli_bytes(b, r->to_device),
                cli_bytes(c, r->from_device));
    else if (!quick || r->failure[0])
        fprintf(to, "; cannot be used: %s", r->failure);
    fputc('\n', to);
}

static void print_json_row(FILE *to, const row *r) {
    const hd_device_properties *p = &r->properties;
    fputs("{\"name\": ", to);
    cli_json_string(to, r->name, strlen(r->name));
    fputs(", \"model\": ", to);
    cli_json_string(to, p->name, strlen(p->name));
    fprintf(to, ", \"memory_bytes\": %zu, \"units\": %d, \"lanes\": %d", p->memory_bytes, (int)p->units, (int)p->lanes);
    if (r->measured && r->cpu) fprintf(to, ", \"read_bytes_per_second\": %.0f", r->rate);
    if (r->measured && !r->cpu)
        fprintf(to, ", \"copy_bytes_per_second\": %.0f, \"from_host_bytes_per_second\": %.0f, \"to_host_bytes_per_second\": %.0f",
                r->rate, r->to_device, r->from_device);
    if (r->failure[0]) {
        fputs(", \"failure\": ", to);
        cli_json_string(to, r->failure, strlen(r->failure));
    }
    fputc('}', to);
}

static void print_devices(FILE *to, const devices_options *o) {
    const char *separator = "";
    if (o->json) fputs("{\"devices\": [", to);
    for (int type = 0; type < HD_DEVICE_TYPE_COUNT; type++)
        for (int32_t i = 0; i < hd_device_count((hd_device_type)type); i++) {
            const hd_device *device;
            row r;
            if (hd_device_get((hd_device_type)type, i, &device) != HD_OK) continue;
            learn(device, o->quick, &r);
            if (o->json) {
                fputs(separator, to);
                print_json_row(to, &r);
                separator = ", ";
            } else {
                print_row(to, &r, o->quick);
            }
        }
}

/* Kinds of devices that are not here, each with its reason. The host back end is for tests: nobody misses it. */
static void print_absent(FILE *to, const devices_options *o) {
    const char *separator = "";
    if (o->json) fputs("], \"absent\": {", to);
    for (int type = 0; type < HD_DEVICE_TYPE_COUNT; type++) {
        const char *why = hd_device_absence((hd_device_type)type), *name = hd_device_type_name((hd_device_type)type);
        if (!why || (type == HD_DEVICE_HOST && !o->json)) continue;
        if (o->json) {
            fprintf(to, "%s\"%s\": ", separator, name);
            cli_json_string(to, why, strlen(why));
            separator = ", ";
        } else {
            fprintf(to, "%-8s none: %s\n", name, why);
        }
    }
    if (o->json) fputs("}}\n", to);
}

int cli_devices_main(int argc, char **argv) {
    devices_options options = {0};
    cli_option table[ROWS];
    char *text = NULL;
    size_t size = 0;
    int code = cli_parse(table, make_table(&options, table), cli_devices_help, argc, argv);
    if (code >= 0) return code;
    FILE *to = open_memstream(&text, &size);
    if (!to) return cli_fail(EXIT_MEMORY, "the list does not fit into memory");
    print_devices(to, &options);
    print_absent(to, &options);
    code = fclose(to) ? cli_fail(EXIT_MEMORY, "the list does not fit into memory") : cli_write_result_text(text, size);
    free(text);
    return code;
}
