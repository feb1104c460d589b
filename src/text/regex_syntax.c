/* SPDX-License-Identifier: Apache-2.0 */
/* Oniguruma's Ruby syntax -> PCRE2. The two agree on most of what tokenizer files use; what differs is rewritten here so that
 * it means the same (\s, \w, \h, \v, \u, property names, (?i) in mid-group, {n,m}+ as a repeated group, ...), and what is not
 * known to mean the same is refused by name rather than passed on. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "text/pattern.h"

enum { MAX_GROUPS = 200 };

typedef struct translator {
    hdi_span in;
    size_t at;
    hdi_buffer *out;
    size_t atom; /* where in `out` the last repeatable thing begins; SIZE_MAX: nowhere */
    int depth;
    struct {
        size_t start;
        int extra; /* parentheses opened by options such as (?i), to close with the group */
    } groups[MAX_GROUPS];
} translator;

#define PUT(text) HD_TRY(hdi_buffer_add(t->out, (text), strlen(text)))

static int peek(const translator *t, size_t ahead) {
    return t->in.size - t->at > ahead ? (uint8_t)t->in.data[t->at + ahead] : -1;
}
static bool looking_at(const translator *t, const char *text) {
    size_t n = strlen(text);
    return t->in.size - t->at >= n && memcmp(t->in.data + t->at, text, n) == 0;
}
static bool is_hex(int c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool is_digit(int c) { return c >= '0' && c <= '9'; }

/* One character as it is (all its bytes). */
static hd_status copy_char(translator *t) {
    size_t start = t->at;
    (void)hdi_next_cp(t->in, &t->at);
    return hdi_buffer_add(t->out, t->in.data + start, t->at - start);
}

/* Names PCRE2 spells otherwise; the text is legal inside a class. */
static const struct property {
    const char *name, *positive, *negative; /* negative NULL: only outside a class, as [^positive] */
} properties[] = {
    {"alpha", "\\p{Alphabetic}", "\\P{Alphabetic}"},
    {"space", "\\p{White_Space}", "\\P{White_Space}"},
    {"upper", "\\p{Uppercase}", "\\P{Uppercase}"},
    {"lower", "\\p{Lowercase}", "\\P{Lowercase}"},
    {"digit", "\\p{Nd}", "\\P{Nd}"},
    {"punct", "\\p{P}", "\\P{P}"},
    {"alnum", "\\p{Alphabetic}\\p{Nd}", NULL},
    {"word", "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}", NULL},
    {"xdigit", "0-9A-Fa-f", NULL},
    {"letter", "\\p{L}", "\\P{L}"},
    {"mark", "\\p{M}", "\\P{M}"},
    {"number", "\\p{N}", "\\P{N}"},
    {"punctuation", "\\p{P}", "\\P{P}"},
    {"symbol", "\\p{S}", "\\P{S}"},
    {"separator", "\\p{Z}", "\\P{Z}"},
    {"other", "\\p{C}", "\\P{C}"},
    {"lowercase_letter", "\\p{Ll}", "\\P{Ll}"},
    {"uppercase_letter", "\\p{Lu}", "\\P{Lu}"},
    {"decimal_number", "\\p{Nd}", "\\P{Nd}"},
};

/* [:punct:] has more than \p{Punct}, and \w more outside of a class than inside. */
static const struct property posix_punct = {"punct", "\\p{P}\\p{S}", NULL};
static const struct property bare_word = {"word", "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}",
                                          NULL};

static const struct property *find_property(const char *name, size_t size) {
    for (size_t i = 0; i < HDI_COUNTOF(properties); i++)
        if (strlen(properties[i].name) == size && strncasecmp(properties[i].name, name, size) == 0) return &properties[i];
    return NULL;
}

static hd_status put_property(translator *t, const struct property *p, bool negated, bool in_class) {
    if (negated && p->negative) {
        PUT(p->negative);
        return HD_OK;
    }
    HD_REQUIRE(!negated || !in_class, HD_UNSUPPORTED, "the negation of \"%s\" inside a class is not supported", p->name);
    if (!in_class && strcmp(p->name, bare_word.name) == 0) p = &bare_word;
    if (!in_class) PUT(negated ? "[^" : "[");
    PUT(p->positive);
    if (!in_class) PUT("]");
    return HD_OK;
}

/* \p{Name}, \P{Name}, \p{^Name}; t->at is behind the p. */
static hd_status named_property(translator *t, bool negated, bool in_class) {
    HD_REQUIRE(peek(t, 0) == '{', HD_UNSUPPORTED, "\\p without braces is not supported");
    t->at++;
    if (peek(t, 0) == '^') {
        negated = !negated;
        t->at++;
    }
    const char *name = t->in.data + t->at;
    const char *close = memchr(name, '}', t->in.size - t->at);
    HD_REQUIRE(close && close > name && close - name < 64, HD_CORRUPT, "\\p{ is not closed");
    size_t size = (size_t)(close - name);
    t->at += size + 1;
    const struct property *known = find_property(name, size);
    if (known) return put_property(t, known, negated, in_class);
    PUT(negated ? "\\P{" : "\\p{");
    HD_TRY(hdi_buffer_add(t->out, name, size));
    PUT("}");
    return HD_OK;
}

/* \uHHHH; t->at is behind the u. */
static hd_status unicode_escape(translator *t) {
    for (size_t i = 0; i < 4; i++) HD_REQUIRE(is_hex(peek(t, i)), HD_CORRUPT, "\\u needs four hexadecimal digits");
    PUT("\\x{");
    HD_TRY(hdi_buffer_add(t->out, t->in.data + t->at, 4));
    PUT("}");
    t->at += 4;
    return HD_OK;
}

static hd_status escape(translator *t, bool in_class) {
    t->at++;
    int c = peek(t, 0);
    HD_REQUIRE(c >= 0, HD_CORRUPT, "ends in a backslash");
    if (c >= 0x80) return copy_char(t);
    t->at++;
    const char both[] = {'\\', (char)c, 0};
    switch (c) {
    case 's':
    case 'S':
        return put_property(t, find_property("space", 5), c == 'S', in_class);
    case 'w':
    case 'W':
        return put_property(t, find_property("word", 4), c == 'W', in_class);
    case 'd':
    case 'D':
        return put_property(t, find_property("digit", 5), c == 'D', in_class);
    case 'h':
    case 'H':
        return put_property(t, find_property("xdigit", 6), c == 'H', in_class);
    case 'p':
    case 'P':
        return named_property(t, c == 'P', in_class);
    case 'u':
        return unicode_escape(t);
    case 'v':
        PUT("\\x0B");
        return HD_OK;
    case 'n':
    case 't':
    case 'r':
    case 'f':
    case 'a':
    case 'e':
    case 'x':
    case 'b':
    case '0':
        PUT(both);
        return HD_OK;
    case 'A':
    case 'z':
    case 'Z':
    case 'B':
    case 'R':
    case 'X':
    case 'k':
        HD_REQUIRE(!in_class, HD_UNSUPPORTED, "\\%c inside a class is not supported", c);
        PUT(both);
        return HD_OK;
    default:
        break;
    }
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c < 32 || (in_class && is_digit(c));
    HD_REQUIRE(!letter, HD_UNSUPPORTED, "the escape \\%c is not supported", c < 32 ? '?' : c);
    PUT(both);
    return HD_OK;
}

/* [:name:] and [:^name:] inside a class. */
static hd_status posix_class(translator *t) {
    t->at += 2;
    bool negated = peek(t, 0) == '^';
    if (negated) t->at++;
    size_t size = 0;
    while (size < 16 && peek(t, size) >= 'a' && peek(t, size) <= 'z') size++;
    const struct property *known = find_property(t->in.data + t->at, size);
    HD_REQUIRE(known && peek(t, size) == ':' && peek(t, size + 1) == ']', HD_UNSUPPORTED, "the class [:%.*s:] is not supported",
               (int)size, t->in.data + t->at);
    t->at += size + 2;
    return put_property(t, strcmp(known->name, posix_punct.name) == 0 ? &posix_punct : known, negated, true);
}

static hd_status char_class(translator *t) {
    PUT("[");
    t->at++;
    if (peek(t, 0) == '^') {
        PUT("^");
        t->at++;
    }
    for (bool first = true;; first = false) {
        int c = peek(t, 0);
        HD_REQUIRE(c >= 0, HD_CORRUPT, "a [ is not closed");
        if (c == ']' && !first) break;
        if (c == ']') {
            PUT("\\]");
            t->at++;
        } else if (c == '\\') {
            HD_TRY(escape(t, true));
        } else if (looking_at(t, "[:")) {
            HD_TRY(posix_class(t));
        } else {
            HD_REQUIRE(c != '[', HD_UNSUPPORTED, "a class inside a class is not supported");
            HD_REQUIRE(!looking_at(t, "&&"), HD_UNSUPPORTED, "the intersection && of classes is not supported");
            HD_TRY(copy_char(t));
        }
    }
    t->at++;
    PUT("]");
    return HD_OK;
}

/* (?imx-imx) and (?imx-imx: ; t->at is at the first letter. Ruby's m is PCRE2's s. */
static hd_status options(translator *t) {
    char set[16];
    size_t n = 0;
    bool off = false;
    for (;; t->at++) {
        int c = peek(t, 0);
        if (c == ':' || c == ')') break;
        bool known = c == 'i' || c == 'm' || (c == '-' && !off) || (c == 'x' && off);
        HD_REQUIRE(known && n < sizeof set - 1, HD_UNSUPPORTED, "the group (?%c...) is not supported",
                   c < 32 || c > 126 ? '?' : c);
        off |= c == '-';
        set[n++] = c == 'm' ? 's' : (char)c;
    }
    set[n] = 0;
    PUT("(?");
    PUT(set);
    PUT(":");
    if (peek(t, 0) == ':') {
        HD_REQUIRE(t->depth + 1 < MAX_GROUPS, HD_UNSUPPORTED, "more than %d groups inside each other", MAX_GROUPS - 2);
        t->depth++;
        t->groups[t->depth].start = t->out->size - n - 3;
        t->groups[t->depth].extra = 0;
    } else {
        t->groups[t->depth].extra++; /* holds to the end of the group around it, its alternatives too */
        HD_REQUIRE(t->groups[t->depth].extra < MAX_GROUPS, HD_UNSUPPORTED, "too many options");
    }
    t->at++;
    t->atom = SIZE_MAX;
    return HD_OK;
}

static hd_status open_group(translator *t) {
    static const char *const kinds[] = {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"};
    HD_REQUIRE(t->depth + 1 < MAX_GROUPS, HD_UNSUPPORTED, "more than %d groups inside each other", MAX_GROUPS - 2);
    HD_REQUIRE(peek(t, 1) != '*', HD_UNSUPPORTED, "(* is not supported");
    size_t start = t->out->size, taken = 0;
    if (looking_at(t, "(?#")) {
        while (peek(t, 0) >= 0 && peek(t, 0) != ')') t->at++;
        HD_REQUIRE(peek(t, 0) == ')', HD_CORRUPT, "a comment is not closed");
        t->at++;
        return HD_OK;
    }
    for (size_t i = 0; i < HDI_COUNTOF(kinds); i++)
        if (looking_at(t, kinds[i])) taken = strlen(kinds[i]);
    if (!taken && looking_at(t, "(?<")) {
        const char *close = memchr(t->in.data + t->at, '>', t->in.size - t->at);
        HD_REQUIRE(close, HD_CORRUPT, "a group's name is not closed");
        taken = (size_t)(close - (t->in.data + t->at)) + 1;
    }
    if (!taken && peek(t, 1) == '?') {
        t->at += 2;
        return options(t);
    }
    if (!taken) taken = 1;
    HD_TRY(hdi_buffer_add(t->out, t->in.data + t->at, taken));
    t->at += taken;
    t->depth++;
    t->groups[t->depth].start = start;
    t->groups[t->depth].extra = 0;
    t->atom = SIZE_MAX;
    return HD_OK;
}

static hd_status close_group(translator *t) {
    for (int i = 0; i < t->groups[t->depth].extra; i++) PUT(")");
    t->groups[t->depth].extra = 0;
    if (t->depth > 0) {
        PUT(")");
        t->atom = t->groups[t->depth].start;
        t->depth--;
    }
    return HD_OK;
}

/* {n}, {n,}, {n,m} or {,m} at t->at: its length, 0 when the brace is an ordinary character. */
static size_t interval(const translator *t) {
    size_t n = 1;
    bool low = false, high = false;
    while (is_digit(peek(t, n))) n++, low = true;
    if (peek(t, n) == ',') {
        n++;
        while (is_digit(peek(t, n))) n++, high = true;
    }
    return peek(t, n) == '}' && (low || high) ? n + 1 : 0;
}

static hd_status repeat_interval(translator *t, size_t size) {
    HD_REQUIRE(t->atom != SIZE_MAX, HD_CORRUPT, "{ repeats nothing");
    bool from_zero = peek(t, 1) == ',';
    bool again = peek(t, size) == '+'; /* in Ruby the group is repeated; PCRE2 would take it as possessive */
    if (again) {
        HD_TRY(hdi_buffer_reserve(t->out, 3));
        memmove(t->out->data + t->atom + 3, t->out->data + t->atom, t->out->size - t->atom);
        memcpy(t->out->data + t->atom, "(?:", 3);
        t->out->size += 3;
    }
    PUT(from_zero ? "{0" : "{");
    HD_TRY(hdi_buffer_add(t->out, t->in.data + t->at + 1, size - 1));
    t->at += size;
    if (again) {
        PUT(")+");
        t->at++;
    }
    return HD_OK;
}

static hd_status step(translator *t) {
    int c = peek(t, 0);
    size_t start = t->out->size, size;
    switch (c) {
    case '(':
        return open_group(t);
    case ')':
        HD_REQUIRE(t->depth > 0, HD_CORRUPT, "a ) has no (");
        t->at++;
        return close_group(t);
    case '[':
        HD_TRY(char_class(t));
        break;
    case '\\':
        HD_TRY(escape(t, false));
        break;
    case '{':
        size = interval(t);
        if (size) return repeat_interval(t, size);
        PUT("\\{");
        t->at++;
        break;
    case '*':
    case '+':
    case '?':
        return copy_char(t); /* `atom` stays: a second quantifier belongs to the first */
    case '|':
        t->atom = SIZE_MAX;
        return copy_char(t);
    default:
        HD_TRY(copy_char(t));
    }
    t->atom = start;
    return HD_OK;
}

hd_status hdi_regex_translate(hdi_span regex, hdi_buffer *out) {
    /* An expression of DeepSeek's files, quadratic on a long run of spaces with something behind it: it fails from each space
     * in turn. What fails from the first space of a run fails from all of them, and where a match ended (at the last $ of
     * the run) none can begin; so only first spaces need be tried. */
    static const char slow[] = "\\s+$", fast[] = "(?<!\\p{White_Space})\\p{White_Space}+$";
    if (hdi_span_equal(regex, hdi_span_of(slow, sizeof slow - 1))) return hdi_buffer_add(out, fast, sizeof fast - 1);

    translator t = {.in = regex, .out = out, .atom = SIZE_MAX};
    HD_TRY(hdi_buffer_reserve(out, 1)); /* so that the empty expression has an address */
    while (t.at < regex.size) HD_TRY(step(&t));
    HD_REQUIRE(t.depth == 0, HD_CORRUPT, "a ( is not closed");
    return close_group(&t);
}
