/* SPDX-License-Identifier: Apache-2.0 */
/* Colours of kernels: Okabe and Ito's palette, which people with any kind of colour vision can tell apart ("Color Universal
 * Design", 2008), with greys for what is no kernel of a model. A kernel is known by the longest beginning of its name. */
#include <string.h>

#include "task/trace_svg.h"

const hdi_svg_colour hdi_svg_colours[HDI_SVG_FAMILY_COUNT] = {
    [HDI_SVG_PRODUCT] = {"matrix product", "#0072b2", true},
    [HDI_SVG_ATTENTION] = {"attention", "#e69f00", false},
    [HDI_SVG_NORM] = {"norm", "#009e73", true},
    [HDI_SVG_ROPE] = {"rope", "#56b4e9", false},
    [HDI_SVG_ELEMENTWISE] = {"element-wise", "#cc79a7", false},
    [HDI_SVG_REDUCE] = {"sum over ranks", "#d55e00", true},
    [HDI_SVG_MOVE] = {"moving data", "#f0e442", false},
    [HDI_SVG_CHOICE] = {"choosing tokens", "#555555", true},
    [HDI_SVG_OTHER] = {"other kernels", "#999999", false},
    [HDI_SVG_ENGINE] = {"engine", "#d5d5e6", false},
};

static const struct {
    const char *beginning;
    hdi_svg_family family;
} families[] = {
    {"linear", HDI_SVG_PRODUCT},   {"matmul", HDI_SVG_PRODUCT},      {"norm_linear", HDI_SVG_PRODUCT},
    {"norm_qkv", HDI_SVG_PRODUCT}, {"norm_swiglu", HDI_SVG_PRODUCT}, {"attention", HDI_SVG_ATTENTION},
    {"rms_norm", HDI_SVG_NORM},    {"layer_norm", HDI_SVG_NORM},     {"rope", HDI_SVG_ROPE},
    {"add", HDI_SVG_ELEMENTWISE},  {"mul", HDI_SVG_ELEMENTWISE},     {"swiglu", HDI_SVG_ELEMENTWISE},
    {"gelu", HDI_SVG_ELEMENTWISE}, {"reduce", HDI_SVG_REDUCE},       {"embedding", HDI_SVG_MOVE},
    {"kv_write", HDI_SVG_MOVE},    {"concat", HDI_SVG_MOVE},         {"rearrange", HDI_SVG_MOVE},
    {"convert", HDI_SVG_MOVE},     {"keep_ids", HDI_SVG_MOVE},       {"take_ids", HDI_SVG_MOVE},
    {"softmax", HDI_SVG_CHOICE},   {"argmax", HDI_SVG_CHOICE},       {"sample", HDI_SVG_CHOICE},
};

hdi_svg_family hdi_svg_family_of(const char *kernel) {
    hdi_svg_family family = *kernel ? HDI_SVG_OTHER : HDI_SVG_ENGINE;
    size_t longest = 0;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        size_t n = strlen(families[i].beginning);
        if (n <= longest || strncmp(kernel, families[i].beginning, n) != 0 || (kernel[n] && kernel[n] != '_')) continue;
        family = families[i].family;
        longest = n;
    }
    return family;
}
