/* SPDX-License-Identifier: Apache-2.0 */
/* Parking, letters, sleep and the end of a run (src/task/park.c, work.c, sleep.c): two workers, steps that come one after the other
 * through a ring with one place, each waiting for a signal of another rank and done in two halves. No step starts before its signal or
 * twice, no half is done twice or lost, no sleeper is forgotten, and everybody ends.
 *
 * A sleep that is bounded ends when there is something for the sleeper to find. */
#define STEPS 3

byte signal;              /* stands at s when the other rank has told what step s waits for */
byte place;               /* the step in the ring's place */
bool parked;              /* its bit */
byte started, left;       /* steps begun; halves of the current one that are not done */
bool letter[2];
bool done;
byte sleepers, epoch, ticket[2];
bool asleep[2]; /* has looked for the last time and found nothing */

inline wake() {
    if
    :: sleepers > 0 -> epoch++
    :: else -> skip
    fi
}

inline start(step) {
    d_step {
        assert(signal >= step);
        assert(started == step - 1);
        started = step;
        left = 2
    }
#ifdef MUTANT_WAKE_THEN_SHOW
    wake();
    letter[1 - me] = true;
#else
    letter[1 - me] = true;
#ifndef MUTANT_NO_WAKE_FOR_LETTERS
    wake();
#endif
#endif
    /* Whoever a letter is for is awake or has been woken. */
    d_step { assert(!(letter[1 - me] && asleep[1 - me] && epoch == ticket[1 - me])) }
    mine = true
}

/* The place is given to a step: it starts or is parked. */
inline open(step) {
    place = step;
    if
    :: signal >= step -> start(step)
    :: else ->
#ifndef MUTANT_NO_PARK
        parked = true
#else
        skip
#endif
    fi
}

inline end_half() {
    d_step {
        assert(left > 0);
        left--;
        last = (left == 0)
    }
    if
    :: last && place == STEPS ->
        done = true;
#ifndef MUTANT_NO_WAKE_AT_END
        wake()
#else
        skip
#endif
    :: last && place < STEPS -> looked = place + 1; open(looked)
    :: else -> skip
    fi
}

inline poll() {
    if
    :: parked ->
        looked = place;
        if
        :: signal >= looked ->
            d_step { won = parked; parked = false }
#ifdef MUTANT_NO_CLAIM
            won = true;
#endif
            if
            :: won ->
                looked = place;
#ifdef MUTANT_NO_SECOND_LOOK
                start(looked)
#else
                if
                :: signal >= looked -> start(looked)
                :: else -> parked = true
                fi
#endif
            :: else -> skip
            fi
        :: else -> skip
        fi
    :: else -> skip
    fi
}

inline take_letter(box) {
    if
    :: letter[box] ->
#ifdef MUTANT_LETTER_FOR_ALL
        letter[box] = false;
        got = true
#else
        d_step { got = letter[box]; letter[box] = false }
#endif
    :: else -> skip
    fi
}

/* Until somebody wakes it. */
inline sleep() {
    sleepers++;
    ticket[me] = epoch;
    d_step {
#ifdef MUTANT_NO_LAST_LOOK
        asleep[me] = true
#else
        asleep[me] = !(done || letter[0] || letter[1])
#endif
    }
    !asleep[me] || epoch != ticket[me];
    asleep[me] = false;
    sleepers--
}

proctype worker(byte me) {
    bool mine, got, last, won;
    byte looked;
    if
    :: me == 0 -> open(1)
    :: else -> skip
    fi;
    do
    :: done -> break
    :: else ->
#ifndef MUTANT_NO_POLL
        poll();
#endif
        got = mine;
        mine = false;
        if
        :: !got -> take_letter(me)
        :: else -> skip
        fi;
        if
        :: !got -> take_letter(1 - me)
        :: else -> skip
        fi;
        if
        :: got -> got = false; end_half()
        :: else ->
            if
#ifdef MUTANT_NO_POLL
            :: parked -> (done || letter[0] || letter[1] || !parked)
#else
            :: parked -> (done || letter[0] || letter[1] || !parked || signal >= place)
#endif
            :: else -> sleep()
            fi
        fi
    od;
    assert(!mine)
}

proctype other_rank() {
    do
    :: signal < STEPS -> signal++
    :: else -> break
    od
}

init {
    atomic { run worker(0); run worker(1); run other_rank() }
    _nr_pr == 1;
    assert(started == STEPS && left == 0 && !parked && !letter[0] && !letter[1])
}
