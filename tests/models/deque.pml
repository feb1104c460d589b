/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's deque (src/task/deque.h): an owner that pushes and takes, two thieves. Every range is done once, none is lost. Memory is
 * sequentially consistent here; the orderings are those of the paper that deque.h names. */
#define ITEMS 3
#define SIZE 4

byte entry[SIZE];
byte top, bottom;
byte times[ITEMS + 1]; /* by item: how often done */

inline do_it(item) {
    d_step {
        assert(item != 0);
        times[item]++;
        assert(times[item] == 1)
    }
}

inline push(item) {
#ifdef MUTANT_PUSH_SHOWS_FIRST
    bottom++;
    entry[(bottom - 1) % SIZE] = item
#else
    entry[bottom % SIZE] = item;
    bottom++
#endif
}

inline swap_top(from) { d_step { won = (top == from); top = (won -> from + 1 : top) } }

/* got: 0 when it is empty. */
inline take() {
    got = 0;
    b = bottom;
    if
    :: top >= b -> skip
    :: else ->
        b--;
#ifdef MUTANT_TAKE_LOOKS_FIRST
        t = top;
        bottom = b;
#else
        bottom = b;
        t = top;
#endif
        if
        :: t < b -> got = entry[b % SIZE]
        :: t == b ->
            got = entry[b % SIZE];
            swap_top(t);
#ifndef MUTANT_TAKE_LAST_ANYWAY
            if
            :: !won -> got = 0
            :: else -> skip
            fi;
#endif
            bottom = b + 1
        :: t > b -> bottom = b + 1
        fi
    fi
}

proctype owner() {
    byte item = 1, got, b, t;
    bool won;
    do
    :: item <= ITEMS -> push(item); item++
    :: true ->
        take();
        if
        :: got != 0 -> do_it(got)
        :: got == 0 && item > ITEMS -> break
        :: else -> skip
        fi
    od
}

proctype thief() {
    byte got, b, t, tries;
    bool won;
    do
    :: tries < 3 ->
        tries++;
#ifdef MUTANT_STEAL_BOTTOM_FIRST
        b = bottom;
        t = top;
#else
        t = top;
        b = bottom;
#endif
        if
        :: t < b ->
            got = entry[t % SIZE];
            swap_top(t);
            if
#ifdef MUTANT_STEAL_ANYWAY
            :: true -> do_it(got)
#else
            :: won -> do_it(got)
            :: else -> skip
#endif
            fi
        :: else -> skip
        fi
    :: tries == 3 -> break
    od;
    got = 0; b = 0; t = 0
}

init {
    atomic { run owner(); run thief(); run thief() }
    _nr_pr == 1;
    assert(times[1] == 1 && times[2] == 1 && times[3] == 1)
}
