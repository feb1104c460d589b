/* SPDX-License-Identifier: Apache-2.0 */
/* How a local domain ends (src/comm/local_peers.c): ranks may publish their sentences while others wait, and one of them may be killed between any
 * two steps. Everybody who lives ends; all hear the same sentence, and it is complete.
 *
 * Rank 0 has two threads. A waiter's nap ends when it is rung, or when a process is gone: that is what its looks at processes find. */
#define RANKS 3

bool dead[RANKS], claimed[RANKS];
byte code[RANKS], sentence[RANKS]; /* of a rank's place: 0: not written, else 1 + the thread that wrote it */
byte first;                        /* 1 + the rank whose sentence counts */
bool failed;
byte bell[RANKS];
bool anyone_dead;
bool done; /* rank 1 has raised the signal that the waiter waits for */
byte heard; /* 1 + the rank whose sentence somebody heard */

#ifdef MUTANT_ONE_PLACE_FOR_ALL
#define PLACE(rank) 0
#else
#define PLACE(rank) rank
#endif

inline ring_all() {
    bell[0]++;
    bell[1]++;
    bell[2]++
}

inline compare_and_swap_first(rank) {
#ifdef MUTANT_LAST_WINS
    first = rank + 1
#else
    d_step {
        if
        :: first == 0 -> first = rank + 1
        :: else -> skip
        fi
    }
#endif
}

inline publish(rank, thread) {
#ifdef MUTANT_NO_CLAIM
    mine = true;
#else
    d_step { mine = !claimed[PLACE(rank)]; claimed[PLACE(rank)] = true };
#endif
    if
    :: mine ->
#ifdef MUTANT_NAME_THEN_WRITE
        compare_and_swap_first(PLACE(rank));
#endif
        code[PLACE(rank)] = thread + 1;
        sentence[PLACE(rank)] = thread + 1;
#ifndef MUTANT_NAME_THEN_WRITE
        compare_and_swap_first(PLACE(rank))
#else
        skip
#endif
    :: else -> skip
    fi;
#ifndef MUTANT_NO_WAIT_FOR_THE_OTHER_THREAD
    first != 0;
#endif
#ifdef MUTANT_RING_THEN_FAIL
    ring_all();
    failed = true
#else
    failed = true;
#ifndef MUTANT_NO_RING
    ring_all()
#else
    skip
#endif
#endif
}

/* Reads the failure: it must be all there, and the same for everybody, every time. */
inline hear() {
    d_step {
        assert(first != 0);
        assert(heard == 0 || heard == first);
        heard = first
    }
    seen = code[first - 1];
    assert(seen != 0);
    assert(sentence[first - 1] == seen)
}

/* A thread that ends the domain, or does what the waiter waits for. */
proctype worker(byte rank; byte thread) {
    bool mine;
    byte seen;
    {
        if
        :: true -> publish(rank, thread); hear()
        :: rank == 0 -> skip
        :: rank == 1 -> done = true; bell[2]++
        fi
    } unless { dead[rank] }
}

/* A thread that waits for rank 1: it looks, notes the bell, looks once more, sleeps; until rank 1 has done it or the domain has failed. */
proctype waiter(byte rank; byte thread) {
    bool mine;
    byte seen, ticket;
    do
    :: done -> break
    :: else ->
        if
        :: first != 0 -> hear(); hear(); break
        :: else -> skip
        fi;
#ifndef MUTANT_NO_LOOK_AT_PROCESSES
        if
        :: anyone_dead -> publish(rank, thread)
        :: else -> skip
        fi;
#endif
        ticket = bell[rank];
        if
        :: failed || done -> skip
#ifdef MUTANT_NO_LOOK_AT_PROCESSES
        :: else -> bell[rank] != ticket
#else
        :: else -> (bell[rank] != ticket || anyone_dead) /* the nap ends, and the next look finds it */
#endif
        fi
    od
}

/* kill -9 of one rank, at any time or never. */
proctype killer() {
    if
    :: d_step { dead[0] = true; anyone_dead = true }
    :: d_step { dead[1] = true; anyone_dead = true }
    :: skip
    fi
}

init {
    atomic {
        run worker(0, 0);
        run worker(0, 1);
        run worker(1, 2);
        run waiter(2, 3);
        run killer()
    }
}
