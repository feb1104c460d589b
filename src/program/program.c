/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: from a file, to people, and their end. */
#include "program/program.h"

#include "base/file.h"
#include "base/memory.h"

hd_status hd_program_open(const char *path, hd_program **out) {
    hdi_map map;
    *out = NULL;
    HD_TRY(hdi_map_open(&map, path));
    hd_status status = hdi_program_parse(path, map.data ? (const char *)map.data : "", map.size, out);
    hdi_map_close(&map);
    return status;
}

void hd_program_close(hd_program *program) {
    if (!program) return;
    void *const arrays[] = {program->path,  program->symbols, program->values,  program->args,
                            program->calls, program->updates, program->outputs, program->methods};
    for (size_t i = 0; i < HDI_COUNTOF(arrays); i++) hdi_free(arrays[i]);
    hdi_strings_clear(&program->strings);
    hdi_dims_clear(&program->dims);
    hdi_free(program);
}

int32_t hd_program_methods(const hd_program *program) { return (int32_t)program->n_methods; }

const char *hd_program_method(const hd_program *program, int32_t index) {
    if (index < 0 || (size_t)index >= program->n_methods) return NULL;
    return hdi_program_string(program, program->methods[index].name);
}
