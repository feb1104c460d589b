/* SPDX-License-Identifier: Apache-2.0 */
/* Sequential consistency is that of RC11 (Lahav, Vafeiadis, Kang, Hur and Dreyer, "Repairing sequential consistency in C/C++11",
 * 2017): one order of all such accesses, which need not be that of time. A store gets its place in it late, when its fiber's next
 * such access or next release needs it to have one, or when somebody acquires or overwrites it; a load may have its place as
 * early as its fiber's last such access, or what it has acquired since, allows. A load may not pass over a store placed before
 * it. */
#include "sched/memory.h"

#include <stdlib.h>
#include <string.h>

#include "sched/scheduler.h"

enum {
    HISTORY = 8, /* stores of a location that can still be read */
    CLOCKS = VS_MOST_FIBERS,
    MOST_LOCATIONS = 4096,
    TABLE = 4 * MOST_LOCATIONS,
    UNPLACED = -1, /* in the order of sequential consistency; from 1 for what is placed */
};

/* What is known: first each fiber's clock, then the number of the oldest store that may be read, by location. */
typedef struct view {
    struct view *next; /* of those that nobody uses */
    uint32_t n;        /* locations */
    int32_t place;     /* the last one in the order of sequential consistency that comes before */
    uint32_t clock[CLOCKS];
    uint32_t oldest[MOST_LOCATIONS];
} view;

typedef struct message {
    uint64_t value;
    view *released; /* NULL: nothing */
    int32_t place;  /* 0: not sequentially consistent */
    int fiber;
    hdi_access access;
} message;

typedef struct location {
    const volatile void *address;
    size_t size;
    uint32_t newest; /* number of the last store; 0 is what lay there at the beginning */
    message history[HISTORY];
} location;

static bool weak;
static view views[VS_MOST_FIBERS], *unused;
static location locations[MOST_LOCATIONS];
static uint32_t n_locations;
static uint16_t table[TABLE];             /* location + 1 by address */
static message *unplaced[VS_MOST_FIBERS]; /* a fiber's last store, if it has no place yet */
static int32_t last_place;
static uint32_t rarity; /* of loads that do not read the last store; 0: not drawn yet */

/* ---- views ---- */

static view *new_view(const view *from) {
    view *v = unused;
    if (v)
        unused = v->next;
    else if (!(v = malloc(sizeof *v)))
        abort();
    memcpy(v, from, offsetof(view, oldest) + from->n * sizeof *from->oldest);
    return v;
}

static void free_view(view *v) {
    if (!v) return;
    v->next = unused;
    unused = v;
}

static void know(view *v, uint32_t at, uint32_t number) {
    for (; v->n <= at; v->n++) v->oldest[v->n] = 0;
    if (v->oldest[at] < number) v->oldest[at] = number;
}

static void join(view *v, const view *other) {
    if (v->place < other->place) v->place = other->place;
    for (int i = 0; i < CLOCKS; i++) v->clock[i] = v->clock[i] > other->clock[i] ? v->clock[i] : other->clock[i];
    for (; v->n < other->n; v->n++) v->oldest[v->n] = 0;
    for (uint32_t i = 0; i < other->n; i++) v->oldest[i] = v->oldest[i] > other->oldest[i] ? v->oldest[i] : other->oldest[i];
}

/* ---- real memory: always what was stored last ---- */

static uint64_t read_real(const volatile void *object, size_t size) {
    switch (size) {
    case 1:
        return atomic_load((const volatile _Atomic uint8_t *)object);
    case 4:
        return atomic_load((const volatile _Atomic uint32_t *)object);
    case 8:
        return atomic_load((const volatile _Atomic uint64_t *)object);
    default:
        abort();
    }
}

static void write_real(volatile void *object, size_t size, uint64_t value) {
    switch (size) {
    case 1:
        atomic_store((volatile _Atomic uint8_t *)object, (uint8_t)value);
        break;
    case 4:
        atomic_store((volatile _Atomic uint32_t *)object, (uint32_t)value);
        break;
    case 8:
        atomic_store((volatile _Atomic uint64_t *)object, value);
        break;
    default:
        abort();
    }
}

static uint64_t cut(uint64_t value, size_t size) { return size == 8 ? value : value & (((uint64_t)1 << 8 * size) - 1); }

static uint64_t changed(hdi_access access, uint64_t old, uint64_t operand) {
    switch (access) {
    case HDI_ADD:
    case HDI_BLIND_ADD:
        return old + operand;
    case HDI_SUB:
        return old - operand;
    case HDI_OR:
        return old | operand;
    case HDI_AND:
        return old & operand;
    case HDI_SWAP:
        return operand;
    default:
        abort();
    }
}

/* ---- locations ---- */

static message *message_of(location *l, uint32_t number) { return &l->history[number % HISTORY]; }

static uint32_t find(const volatile void *object, size_t size) {
    uint32_t at = (uint32_t)((uintptr_t)object * 0x9e3779b97f4a7c15u >> 40) % TABLE;
    for (; table[at]; at = (at + 1) % TABLE)
        if (locations[table[at] - 1].address == object) return table[at] - 1u;
    if (n_locations == MOST_LOCATIONS) abort();
    locations[n_locations] = (location){.address = object, .size = size};
    locations[n_locations].history[0].value = read_real(object, size);
    table[at] = (uint16_t)++n_locations;
    return n_locations - 1;
}

void memory_begin(bool is_weak) {
    for (uint32_t i = 0; i < n_locations; i++)
        for (int k = 0; k < HISTORY; k++) free_view(locations[i].history[k].released);
    if (n_locations) memset(table, 0, sizeof table);
    n_locations = 0;
    weak = is_weak;
    last_place = 0;
    rarity = 0;
    memset(unplaced, 0, sizeof unplaced);
    for (int i = 0; i < VS_MOST_FIBERS; i++) {
        views[i].n = 0;
        views[i].place = 0;
        memset(views[i].clock, 0, sizeof views[i].clock);
        views[i].clock[i] = 1;
    }
}

int memory_last_writer(const volatile void *object, hdi_access access) {
    for (uint32_t i = 0; i < n_locations; i++) {
        const message *m = message_of(&locations[i], locations[i].newest);
        if (locations[i].address == object && locations[i].newest) return m->access == access ? m->fiber : -1;
    }
    return -1;
}

bool memory_is_weak(void) { return weak && vs_running(); }
uint32_t memory_clock(int fiber) { return views[fiber].clock[fiber]; }
bool memory_before(int other, uint32_t clock, int fiber) { return clock <= views[fiber].clock[other]; }

void memory_fork(int parent, int child) {
    join(&views[child], &views[parent]);
    views[parent].clock[parent]++;
}

void memory_freshen(int fiber) {
    for (uint32_t i = 0; i < n_locations; i++) know(&views[fiber], i, locations[i].newest);
}

/* ---- the order of sequential consistency ---- */

/* Gives the fiber's last store its place, if it still has none. */
static void place(int fiber) {
    message *m = unplaced[fiber];
    unplaced[fiber] = NULL;
    if (m) views[fiber].place = m->place = ++last_place;
}

static void place_message(const message *m) {
    if (m->place == UNPLACED) place(m->fiber);
}

static void place_all(location *l) {
    for (uint32_t i = 0; i < HISTORY && i <= l->newest; i++) place_message(message_of(l, l->newest - i));
}

/* The oldest store that a sequentially consistent load may read, where the view alone would let it read `oldest`. */
static uint32_t not_passed_over(location *l, uint32_t oldest, int32_t before) {
    for (uint32_t i = l->newest; i > oldest; i--) {
        const message *m = message_of(l, i);
        if (m->place > 0 && m->place <= before) return i;
    }
    return oldest;
}

/* ---- accesses ---- */

static bool acquires(hdi_order order) { return order == HDI_ORDER_acquire || order >= HDI_ORDER_acq_rel; }
static bool releases(hdi_order order) { return order >= HDI_ORDER_release; }

static uint32_t oldest_of(uint32_t at, int fiber) {
    const location *l = &locations[at];
    uint32_t kept = l->newest < HISTORY ? 0 : l->newest - HISTORY + 1, known = at < views[fiber].n ? views[fiber].oldest[at] : 0;
    return known > kept ? known : kept;
}

/* One of the stores from `oldest` on: the last one more often than not. */
static uint32_t draw_store(const location *l, uint32_t oldest) {
    if (!rarity) rarity = 2 + 2 * vs_draw(4);
    if (oldest == l->newest || vs_draw(rarity)) return l->newest;
    return oldest + vs_draw(l->newest - oldest);
}

/* What a fiber knows once it has read store `number`. */
static void observe(uint32_t at, uint32_t number, int fiber, hdi_order order) {
    view *v = &views[fiber];
    message *m = message_of(&locations[at], number);
    know(v, at, number);
    if (!acquires(order)) return;
    place_message(m);
    if (v->place < m->place) v->place = m->place;
    if (m->released) join(v, m->released);
}

/* A read-modify-write carries on what the store that it read has released. */
static void go_on_releasing(message *m, const message *before) {
    if (!before->released) return;
    place_message(before);
    if (m->released)
        join(m->released, before->released);
    else
        m->released = new_view(before->released);
    if (m->released->place < before->place) m->released->place = before->place;
}

static void append(uint32_t at, int fiber, const hdi_site *site, uint64_t value) {
    hdi_order order = site->order;
    location *l = &locations[at];
    view *v = &views[fiber];
    const message *before = message_of(l, l->newest);
    if (releases(order)) place(fiber); /* what it stored before lies before what others learn now */
    if (order == HDI_ORDER_seq_cst) place_all(l);
    message *m = message_of(l, ++l->newest);
    if (l->newest >= HISTORY) place_message(m); /* it is forgotten now */
    free_view(m->released);
    know(v, at, l->newest);
    *m = (message){.value = value, .fiber = fiber, .access = site->access, .released = releases(order) ? new_view(v) : NULL};
    if (site->access != HDI_STORE) go_on_releasing(m, before);
    if (order == HDI_ORDER_seq_cst) {
        m->place = UNPLACED;
        unplaced[fiber] = m;
    }
    if (releases(order)) v->clock[fiber]++;
    write_real((volatile void *)(uintptr_t)l->address, l->size, value);
}

uint64_t hdi_vs_load(const hdi_site *site, const volatile void *object, size_t size) {
    vs_touched(object, false);
    if (!memory_is_weak()) return read_real(object, size);
    int fiber = vs_current();
    uint32_t at = find(object, size), oldest = oldest_of(at, fiber);
    location *l = &locations[at];
    if (site->order == HDI_ORDER_seq_cst) {
        place(fiber);
        oldest = not_passed_over(l, oldest, views[fiber].place);
    }
    uint32_t number = draw_store(l, oldest);
    observe(at, number, fiber, site->order);
    return message_of(l, number)->value;
}

void hdi_vs_store(const hdi_site *site, volatile void *object, size_t size, uint64_t value) {
    value = cut(value, size);
    vs_touched(object, true);
    if (!memory_is_weak())
        write_real(object, size, value);
    else
        append(find(object, size), vs_current(), site, value);
}

uint64_t hdi_vs_change(const hdi_site *site, volatile void *object, size_t size, uint64_t operand) {
    uint64_t old = read_real(object, size), value = cut(changed(site->access, old, operand), size);
    if (site->access == HDI_BLIND_ADD)
        vs_added(object);
    else
        vs_touched(object, true);
    if (!memory_is_weak()) {
        write_real(object, size, value);
        return old;
    }
    int fiber = vs_current();
    uint32_t at = find(object, size);
    if (site->order == HDI_ORDER_seq_cst) place(fiber);
    observe(at, locations[at].newest, fiber, site->order);
    append(at, fiber, site, value);
    return old;
}

/* A failure is a relaxed load: of any store that it may read and that is not what was expected. */
bool hdi_vs_swap_if(const hdi_site *site, volatile void *object, size_t size, uint64_t *expected, uint64_t value) {
    uint64_t newest = read_real(object, size), wanted = cut(*expected, size);
    if (memory_is_weak()) {
        int fiber = vs_current();
        uint32_t at = find(object, size), number = draw_store(&locations[at], oldest_of(at, fiber));
        uint64_t seen = message_of(&locations[at], number)->value;
        if (seen == wanted) number = locations[at].newest, seen = newest;
        if (seen == wanted && site->order == HDI_ORDER_seq_cst) place(fiber);
        observe(at, number, fiber, seen == wanted ? site->order : HDI_ORDER_relaxed);
        if (seen == wanted) append(at, fiber, site, cut(value, size));
        *expected = seen;
        return seen == wanted;
    }
    *expected = newest;
    vs_touched(object, newest == wanted);
    if (newest != wanted) return false;
    write_real(object, size, cut(value, size));
    return true;
}
