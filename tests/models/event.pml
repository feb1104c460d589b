/* SPDX-License-Identifier: Apache-2.0 */
/* How local ranks sleep and are woken (src/comm/local_sleep.c, local_raise in src/comm/local.c): two threads of one rank wait for the signals
 * of two other ranks, which raise them or end the domain. Naps have no end here, so a lost wake-up is a state that nothing leaves.
 *
 * Statements are single steps of memory in the order that sequential consistency gives them; each mutant breaks one of them. */
#define LAST 2

byte signal_[2]; /* of rank 0 and of rank 1 to the sleepers' rank */
byte data_[2];   /* what a signal announces */
byte dozing, bell;
bool failed;
bool asleep[2]; /* threads that the futex has put to sleep on the bell */

/* The kernel's part: comparing and going to sleep is one step, and so is waking all. */
inline futex_wait(me, expected) {
    atomic {
        if
        :: bell == expected -> asleep[me] = true
        :: else -> skip
        fi
    }
    !asleep[me]
}
inline futex_wake() { d_step { asleep[0] = false; asleep[1] = false } }

inline ring() {
#ifndef MUTANT_BELL_STAYS
    bell++;
#endif
#ifndef MUTANT_NO_WAKE
    futex_wake();
#endif
}

proctype raiser(byte me) {
    byte v = 1;
    bool sleepers;
    do
    :: v <= LAST ->
        if
        :: true -> /* another value */
#ifdef MUTANT_LOOK_THEN_WRITE
            sleepers = dozing > 0;
#endif
#ifdef MUTANT_SIGNAL_THEN_DATA
            signal_[me] = v;
            data_[me] = v;
#else
            data_[me] = v;
            signal_[me] = v;
#endif
#ifndef MUTANT_LOOK_THEN_WRITE
            sleepers = dozing > 0;
#endif
            if
            :: sleepers -> ring()
            :: else -> skip
            fi;
            v++
        :: true -> /* this rank ends the domain: it rings whether anybody dozes or not */
#ifdef MUTANT_RING_THEN_FAIL
            ring();
            failed = true;
#else
            failed = true;
            ring();
#endif
            break
        fi
    :: else -> break
    od
}

proctype sleeper(byte me) {
    byte v = 1, ticket;
    bool look;
    do
    :: v > LAST -> break
    :: else ->
        if
        :: signal_[me] >= v -> assert(data_[me] >= v); v++
        :: else ->
            if
            :: failed -> break
            :: else -> skip
            fi;
#ifdef MUTANT_LOOK_THEN_DOZE
            look = failed || signal_[me] >= v;
#endif
#ifndef MUTANT_TICKET_LATE
            ticket = bell;
#endif
#ifdef MUTANT_DOZING_IS_A_FLAG
            dozing = 1;
#else
            dozing++;
#endif
#ifdef MUTANT_NO_SECOND_LOOK
            look = false;
#else
#ifdef MUTANT_LOOK_AT_FAILURE_ONLY_BEFORE
            look = signal_[me] >= v;
#else
#ifndef MUTANT_LOOK_THEN_DOZE
            look = failed;
            if
            :: !look -> look = signal_[me] >= v
            :: else -> skip
            fi;
#endif
#endif
#endif
#ifdef MUTANT_TICKET_LATE
            ticket = bell;
#endif
            if
            :: look -> skip
            :: else -> futex_wait(me, ticket)
            fi;
#ifdef MUTANT_DOZING_IS_A_FLAG
            dozing = 0
#else
            dozing--
#endif
        fi
    od;
    assert(v > LAST || failed)
}

init {
    atomic {
        run raiser(0);
        run raiser(1);
        run sleeper(0);
        run sleeper(1)
    }
}
