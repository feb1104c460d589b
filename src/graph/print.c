/* SPDX-License-Identifier: Apache-2.0 */
/* The graph as text for people: symbols, sources, then a line a node or view, in order. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "graph/graph.h"

static void print_type(hdi_text *text, const hd_graph *graph, const hdi_type *type) {
    hdi_text_add(text, "%s%s[", hd_dtype_name((hd_dtype)type->dtype), type->layout == HDI_LAYOUT_PANEL ? " packed" : "");
    for (int i = 0; i < type->rank; i++) {
        char dim[128];
        hdi_dims_text(&graph->dims, type->dim[i], dim, sizeof dim);
        hdi_text_add(text, "%s%s", i ? ", " : "", dim);
    }
    hdi_text_add(text, "]");
}

static void print_value_name(hdi_text *text, const hd_graph *graph, hd_value id) {
    const hdi_value *value = &graph->values[id];
    if (value->name)
        hdi_text_add(text, "%s", value->name);
    else if (id)
        hdi_text_add(text, "%%%u", id);
    else
        hdi_text_add(text, "-");
}

static void print_sources(hdi_text *text, const hd_graph *graph) {
    static const char *const words[] = {[HDI_VALUE_INPUT] = "input", [HDI_VALUE_WEIGHT] = "weight", [HDI_VALUE_STATE] = "state"};
    for (size_t i = 0; i < graph->dims.n_symbols; i++) {
        const hdi_symbol *s = &graph->dims.symbols[i];
        hdi_text_add(text, "symbol %s in %lld..%lld\n", s->name, (long long)s->min, (long long)s->max);
    }
    for (size_t i = 1; i < graph->n_values; i++) {
        const hdi_value *value = &graph->values[i];
        if (!value->name) continue;
        hdi_text_add(text, "%s %s", words[value->kind], value->name);
        hdi_text_column(text, 64);
        print_type(text, graph, &value->type);
        hdi_text_add(text, "\n");
    }
}

static void print_node(hdi_text *text, const hd_graph *graph, const hdi_node *node) {
    char attr[160] = "";
    for (int i = 0; i < node->op->outputs; i++) hdi_text_add(text, "%s%%%u", i ? ", " : "  ", node->output[i]);
    hdi_text_add(text, " = %s(", node->op->name);
    for (int i = 0; i < node->n_inputs; i++) {
        hdi_text_add(text, "%s", i ? ", " : "");
        print_value_name(text, graph, node->input[i]);
    }
    if (node->op->print) node->op->print(node->attr, attr, sizeof attr);
    hdi_text_add(text, "%s%s)", *attr ? "; " : "", attr);
    hdi_text_column(text, 96);
    print_type(text, graph, &graph->values[node->output[0]].type);
    hdi_text_add(text, "   # %s", node->name);
    const hdi_value *made = &graph->values[node->output[0]];
    if (made->published) hdi_text_add(text, ", published as %s", graph->events[made->event].name);
    hdi_text_add(text, "\n");
}

/* "  %12 = remote(rank 1, layers.0.attention.linear)" */
static void print_remote(hdi_text *text, const hd_graph *graph, hd_value id) {
    const hdi_value *value = &graph->values[id];
    hdi_text_add(text, "  %%%u = remote(rank %d; %s)", id, value->rank, graph->events[value->event].name);
    hdi_text_column(text, 96);
    print_type(text, graph, &value->type);
    hdi_text_add(text, "\n");
}

static void print_view(hdi_text *text, const hd_graph *graph, hd_value id) {
    const hdi_value *view = &graph->values[id];
    hdi_text_add(text, "  %%%u = %s(", id, view->verb);
    print_value_name(text, graph, view->source);
    hdi_text_add(text, ")");
    hdi_text_column(text, 96);
    print_type(text, graph, &view->type);
    hdi_text_add(text, "\n");
}

hd_status hd_graph_print(const hd_graph *graph, char **out) {
    hdi_text text = {0};
    *out = NULL;
    HD_TRY(hd_graph_status(graph));
    print_sources(&text, graph);
    for (hd_value id = 1; id < graph->n_values; id++) {
        const hdi_value *value = &graph->values[id];
        if (value->kind == HDI_VALUE_VIEW)
            print_view(&text, graph, id);
        else if (value->kind == HDI_VALUE_REMOTE)
            print_remote(&text, graph, id);
        else if (value->kind == HDI_VALUE_RESULT && graph->nodes[value->node].output[0] == id)
            print_node(&text, graph, &graph->nodes[value->node]);
    }
    for (size_t i = 0; i < graph->n_outputs; i++)
        hdi_text_add(&text, "output %s = %%%u\n", graph->outputs[i].name, graph->outputs[i].value);
    return hdi_text_finish(&text, out);
}
