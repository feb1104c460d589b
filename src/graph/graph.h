/* SPDX-License-Identifier: Apache-2.0 */
/* The graph's inside: values in single-assignment form, made by sources, operators and views, in the order of their creation,
 * which is a valid order to run them. */
#ifndef HDI_GRAPH_GRAPH_H
#define HDI_GRAPH_GRAPH_H

#include "graph/dim.h"
#include "heddle/graph.h"

enum { HDI_NODE_INPUTS = 12, HDI_NODE_OUTPUTS = 2 };

typedef enum hdi_value_kind {
    HDI_VALUE_INPUT,
    HDI_VALUE_WEIGHT,
    HDI_VALUE_STATE,
    HDI_VALUE_RESULT, /* an output of a node */
    HDI_VALUE_VIEW,   /* `root`'s memory with other sizes, strides and offset */
    HDI_VALUE_REMOTE, /* what another rank publishes, in its segment (graph/exchange.h) */
} hdi_value_kind;

typedef struct hdi_value {
    hdi_value_kind kind;
    hdi_type type;
    hdi_dim stride[HD_MAX_DIMS]; /* in elements */
    hdi_dim offset;              /* in elements from the start of the root's memory */
    hd_value root;               /* the value that owns the memory; itself unless a view or a mutated state */
    hd_value source;             /* what it was made from: a view's operand, a mutation's state before it; 0 otherwise */
    uint32_t node;               /* of a result: index of its node */
    const char *verb;            /* of a view: "reshape", "permute", "slice" */
    int64_t arg[HD_MAX_DIMS];    /* of a permute: the order; of a slice: dim, start, end */
    char *name;                  /* of a source: its own; else NULL */
    /* of a remote value, and of a result that is published */
    bool published;
    int32_t rank;           /* whose segment it lies in */
    uint32_t event;         /* what announces it */
    uint64_t place;         /* byte of the segment */
    uint64_t readers;       /* of a published one: the set of ranks */
    hd_placement placement; /* of a weight or state; unit 0: none */
} hdi_value;

/* A node runs when from <= size < below; below 0: always. */
typedef struct hdi_condition {
    hdi_dim size;
    int64_t from, below;
} hdi_condition;

typedef struct hdi_node {
    const hdi_op *op;
    hd_value input[HDI_NODE_INPUTS]; /* 0: an absent optional input */
    hd_value output[HDI_NODE_OUTPUTS];
    int32_t n_inputs;
    uint8_t attr[HDI_ATTR_BYTES] __attribute__((aligned(8)));
    hdi_kernel_id kernel;
    char *name; /* for people: scope and operator */
    hdi_condition when;
    int32_t layer; /* -1: none */
} hdi_node;

/* What a rank raises once a run to say that something is there. */
typedef struct hdi_event {
    char *name;
    int32_t chunks; /* how often a run */
} hdi_event;

/* A further wait of a node. */
typedef struct hdi_guard {
    uint32_t node, event;
    int32_t rank;
    uint32_t lag; /* runs back */
} hdi_guard;

/* A node waits for an earlier one, whatever they read and write. */
typedef struct hdi_after {
    uint32_t node, earlier;
} hdi_after;

typedef struct hdi_output {
    char *name;
    hd_value value;
} hdi_output;

/* A stretch of a weight's dim `dim` that this rank's part consists of: the parts of one weight follow each other. */
typedef struct hdi_weight_part {
    hd_value weight;
    int32_t dim;
    int64_t begin, end;
} hdi_weight_part;

struct hd_graph {
    hdi_dims dims;
    hdi_value *values; /* values[0] is no value */
    size_t n_values, cap_values;
    hdi_node *nodes;
    size_t n_nodes, cap_nodes;
    hdi_output *outputs;
    size_t n_outputs, cap_outputs;
    char *scope;
    hdi_condition when;    /* of nodes placed now */
    int32_t layer, layers; /* likewise; layers 0: none */
    int32_t most_layers;   /* of all nodes */
    /* of a graph that is one rank's */
    int32_t rank, ranks; /* ranks 0: a graph for itself */
    hdi_event *events;
    size_t n_events, cap_events;
    hdi_guard *guards;
    size_t n_guards, cap_guards;
    hdi_after *afters;
    size_t n_afters, cap_afters;
    hdi_weight_part *parts;
    size_t n_parts, cap_parts;
    uint64_t end_ranks; /* who hears of the end of a run */
    uint64_t segment_bytes;
    hd_status status; /* the first failure, with its message */
    char message[512];
};

/* Places an operator: infers the types of its outputs, chooses its kernel, appends a node. n_in counts absent inputs too.
 * Failures stick to the graph; out[] is then 0. `attr` is copied. */
void hdi_graph_node(hd_graph *graph, const hdi_op *op, const hd_value *in, int n_in, const void *attr, hd_value *out);

/* Appends a value; for this folder. 0 after a failure. */
hd_value hdi_graph_add_value(hd_graph *graph, const hdi_value *value);
/* Makes `status`, with the thread's message, the graph's failure if it is the first. */
void hdi_graph_stick(hd_graph *graph, hd_status status);
/* The source of this name, 0 when there is none. */
hd_value hdi_graph_find(const hd_graph *graph, const char *name);
/* NULL, and a sticking failure, for a number that is no value of the graph. */
const hdi_value *hdi_graph_value(hd_graph *graph, hd_value value);
/* Strides of a contiguous value of this type. */
hd_status hdi_graph_contiguous(hdi_dims *dims, const hdi_type *type, hdi_dim *stride);
/* Bytes that a value which owns its memory takes at the symbols' maxima. */
hd_status hdi_graph_bytes(const hd_graph *graph, const hdi_value *value, uint64_t *out);
bool hdi_graph_is_contiguous(hdi_dims *dims, const hdi_value *value);

#endif
