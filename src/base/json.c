/* SPDX-License-Identifier: Apache-2.0 */
/* One thing jansson refuses is common in real files: integers beyond 64 bits, such as the 10^30 that means "no limit" in
 * tokenizer_config.json. They are read as reals, so that only a getter that wants such a number as an integer complains. */
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

enum { FLAGS = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Whether the digits at s[0..n) (after an optional '-') fit 64 bits. */
static bool fits_i64(const char *s, size_t n) {
    char text[24];
    if (n >= sizeof text) return false;
    memcpy(text, s, n);
    text[n] = 0;
    errno = 0;
    (void)strtoll(text, NULL, 10);
    return errno == 0;
}

/* Copies `data` with "e0" after each integer that does not fit. What is not JSON is copied as it is and refused later. */
static hd_status widen_integers(const char *data, size_t size, const char *where, char **out, size_t *out_size) {
    char *copy = NULL;
    size_t n = 0, cap = 0, i = 0;
    hd_status status;
    bool quoted = false;
    while (i < size) {
        size_t start = i;
        bool wide = false;
        if (!quoted && (is_digit(data[i]) || data[i] == '-')) {
            for (i++; i < size && is_digit(data[i]); i++) {
            }
            bool real = i < size && (data[i] == '.' || data[i] == 'e' || data[i] == 'E');
            wide = !real && !fits_i64(data + start, i - start);
            if (real)
                for (; i < size && (is_digit(data[i]) || (data[i] && strchr(".eE+-", data[i]))); i++) {
                }
        } else {
            if (quoted && data[i] == '\\' && i + 1 < size)
                i++;
            else if (data[i] == '"')
                quoted = !quoted;
            i++;
        }
        HD_TRY_GOTO(hdi_grow(&copy, &cap, n + (i - start) + 2, 1, where));
        memcpy(copy + n, data + start, i - start);
        n += i - start;
        if (wide) {
            memcpy(copy + n, "e0", 2);
            n += 2;
        }
    }
    *out = copy;
    *out_size = n;
    return HD_OK;
fail:
    hdi_free(copy);
    return status;
}

hd_status hdi_json_parse(const char *data, size_t size, const char *where, json_t **out) {
    json_error_t error;
    *out = size ? json_loadb(data, size, FLAGS, &error) : NULL;
    HD_REQUIRE(size, HD_CORRUPT, "%s: is empty; JSON is needed", where);
    if (!*out && json_error_code(&error) == json_error_numeric_overflow) {
        char *wide;
        size_t wide_size;
        HD_TRY(widen_integers(data, size, where, &wide, &wide_size));
        *out = json_loadb(wide, wide_size, FLAGS, &error);
        hdi_free(wide);
    }
    if (*out) return HD_OK;
    /* When jansson cannot even begin it says nothing at all. */
    if (json_error_code(&error) == json_error_out_of_memory || !error.text[0])
        return hdi_fail(HD_OUT_OF_MEMORY, "%s: not enough memory to read this JSON", where);
    if (json_error_code(&error) == json_error_invalid_utf8)
        return hdi_fail(HD_CORRUPT, "%s: line %d, column %d is not valid UTF-8: %s", where, error.line, error.column, error.text);
    return hdi_fail(HD_CORRUPT, "%s: line %d, column %d is not valid JSON: %s", where, error.line, error.column, error.text);
}

hd_status hdi_json_load(const char *path, size_t limit, json_t **out) {
    char *data;
    size_t size;
    *out = NULL;
    HD_TRY(hdi_file_read(path, limit, &data, &size));
    hd_status status = hdi_json_parse(data, size, path, out);
    hdi_free(data);
    return status;
}

static const char *type_name(const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a real number";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "null";
    }
}

static hd_status wrong_type(const json_t *value, const char *where, const char *key, const char *wanted) {
    return hdi_fail(HD_CORRUPT, "%s: \"%s\" must be %s but is %s", where, key, wanted, type_name(value));
}

/* *value: what stands under `key`, NULL when that is nothing or null, which is an error only where it is `needed`. */
static hd_status find(const json_t *object, const char *where, const char *key, bool needed, const json_t **value) {
    *value = NULL;
    HD_REQUIRE(json_is_object(object), HD_CORRUPT, "%s: must be an object with the key \"%s\" but is %s", where, key,
               object ? type_name(object) : "missing");
    *value = json_object_get(object, key);
    if (json_is_null(*value)) {
        HD_REQUIRE(!needed, HD_CORRUPT, "%s: \"%s\" is null but is needed", where, key);
        *value = NULL;
    }
    HD_REQUIRE(*value || !needed, HD_CORRUPT, "%s: \"%s\" is missing", where, key);
    return HD_OK;
}

static hd_status as_i64(const json_t *object, const char *where, const char *key, bool needed, int64_t *out) {
    const json_t *value;
    HD_TRY(find(object, where, key, needed, &value));
    if (!value) return HD_OK;
    if (json_is_real(value))
        return hdi_fail(HD_CORRUPT, "%s: \"%s\" must be an integer of at most 64 bits but is %g", where, key,
                        json_real_value(value));
    if (!json_is_integer(value)) return wrong_type(value, where, key, "an integer");
    *out = json_integer_value(value);
    return HD_OK;
}

static hd_status as_f64(const json_t *object, const char *where, const char *key, bool needed, double *out) {
    const json_t *value;
    HD_TRY(find(object, where, key, needed, &value));
    if (!value) return HD_OK;
    if (!json_is_number(value)) return wrong_type(value, where, key, "a number");
    *out = json_number_value(value);
    return HD_OK;
}

static hd_status as_string(const json_t *object, const char *where, const char *key, bool needed, const char **out) {
    const json_t *value;
    HD_TRY(find(object, where, key, needed, &value));
    if (!value) return HD_OK;
    if (!json_is_string(value)) return wrong_type(value, where, key, "a string");
    HD_REQUIRE(strlen(json_string_value(value)) == json_string_length(value), HD_CORRUPT,
               "%s: \"%s\" holds a NUL character, which is not allowed here", where, key);
    *out = json_string_value(value);
    return HD_OK;
}

static hd_status as_container(const json_t *object, const char *where, const char *key, bool needed, json_type type,
                              const json_t **out) {
    const json_t *value;
    *out = NULL;
    HD_TRY(find(object, where, key, needed, &value));
    if (!value) return HD_OK;
    if (json_typeof(value) != type) return wrong_type(value, where, key, type == JSON_OBJECT ? "an object" : "an array");
    *out = value;
    return HD_OK;
}

hd_status hdi_json_get_i64(const json_t *object, const char *where, const char *key, int64_t *out) {
    return as_i64(object, where, key, true, out);
}

hd_status hdi_json_opt_i64(const json_t *object, const char *where, const char *key, int64_t *out) {
    return as_i64(object, where, key, false, out);
}

hd_status hdi_json_get_f64(const json_t *object, const char *where, const char *key, double *out) {
    return as_f64(object, where, key, true, out);
}

hd_status hdi_json_opt_f64(const json_t *object, const char *where, const char *key, double *out) {
    return as_f64(object, where, key, false, out);
}

hd_status hdi_json_opt_bool(const json_t *object, const char *where, const char *key, bool *out) {
    const json_t *value;
    HD_TRY(find(object, where, key, false, &value));
    if (!value) return HD_OK;
    if (!json_is_boolean(value)) return wrong_type(value, where, key, "true or false");
    *out = json_is_true(value);
    return HD_OK;
}

hd_status hdi_json_get_string(const json_t *object, const char *where, const char *key, const char **out) {
    return as_string(object, where, key, true, out);
}

hd_status hdi_json_opt_string(const json_t *object, const char *where, const char *key, const char **out) {
    return as_string(object, where, key, false, out);
}

hd_status hdi_json_get_object(const json_t *object, const char *where, const char *key, const json_t **out) {
    return as_container(object, where, key, true, JSON_OBJECT, out);
}

hd_status hdi_json_opt_object(const json_t *object, const char *where, const char *key, const json_t **out) {
    return as_container(object, where, key, false, JSON_OBJECT, out);
}

hd_status hdi_json_get_array(const json_t *object, const char *where, const char *key, const json_t **out) {
    return as_container(object, where, key, true, JSON_ARRAY, out);
}

hd_status hdi_json_opt_array(const json_t *object, const char *where, const char *key, const json_t **out) {
    return as_container(object, where, key, false, JSON_ARRAY, out);
}
