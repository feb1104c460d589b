/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as configuration: jansson behind a few typed getters whose errors name the file and the key.
 *
 * Getters come in pairs: hdi_json_get_X fails when the key is missing, null or of another type; hdi_json_opt_X leaves *out as
 * it is when the key is missing or null and still fails on another type. `where` names the file or object in messages. */
#ifndef HDI_BASE_JSON_H
#define HDI_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Parses `size` bytes. Depth is limited by jansson (2048 levels), duplicate keys and invalid UTF-8 are errors, "\u0000" is
 * allowed. The message gives line and column. Free with json_decref. */
hd_status hdi_json_parse(const char *data, size_t size, const char *where, json_t **out);
/* Reads and parses a file of at most `limit` bytes. */
hd_status hdi_json_load(const char *path, size_t limit, json_t **out);

hd_status hdi_json_get_i64(const json_t *object, const char *where, const char *key, int64_t *out);
hd_status hdi_json_opt_i64(const json_t *object, const char *where, const char *key, int64_t *out);
hd_status hdi_json_get_f64(const json_t *object, const char *where, const char *key, double *out); /* integers too */
hd_status hdi_json_opt_f64(const json_t *object, const char *where, const char *key, double *out);
hd_status hdi_json_opt_bool(const json_t *object, const char *where, const char *key, bool *out);
hd_status hdi_json_get_string(const json_t *object, const char *where, const char *key, const char **out); /* borrowed */
hd_status hdi_json_opt_string(const json_t *object, const char *where, const char *key, const char **out); /* borrowed */
/* The object or array under `key`, borrowed; for opt NULL when missing or null. */
hd_status hdi_json_get_object(const json_t *object, const char *where, const char *key, const json_t **out);
hd_status hdi_json_opt_object(const json_t *object, const char *where, const char *key, const json_t **out);
hd_status hdi_json_get_array(const json_t *object, const char *where, const char *key, const json_t **out);
hd_status hdi_json_opt_array(const json_t *object, const char *where, const char *key, const json_t **out);

#endif
