# SPDX-License-Identifier: Apache-2.0
"""Between which values an expression of sizes lies, and which relations of sizes therefore hold.

Beyond plain intervals it knows that x // d is between (x - (d - 1)) / d and x / d, and lets the x cancel out: n - n//2 is not
negative. An answer is a proof; no answer proves nothing.
"""
from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import inf

import sympy
from torch.utils._sympy import functions as f

Bound = Fraction | float  # a float only when infinite
Ranges = Mapping[sympy.Symbol, tuple[Bound, Bound]]

FLOOR_DIVISIONS = (f.FloorDiv, f.CleanDiv)
REMAINDERS = (f.Mod, f.PythonMod)
MINIMA = (f.Min, sympy.Min)
MAXIMA = (f.Max, sympy.Max)
MOST_TERMS = 200  # beyond, expanding costs more than an answer is worth


def lower(expr: sympy.Expr, ranges: Ranges) -> Bound:
    """A value that `expr` is never below; -inf when nothing is known."""
    return _lower_of_sum(sympy.expand(_without_extrema(expr, ranges)), ranges, depth=8)


def upper(expr: sympy.Expr, ranges: Ranges) -> Bound:
    return -lower(-expr, ranges)


def holds(relation: sympy.Basic, ranges: Ranges) -> bool | None:
    """Whether a relation is true for all values in the ranges, or false for all; None when that is not known."""
    if relation in (sympy.true, sympy.false):
        return relation == sympy.true
    if isinstance(relation, sympy.Not):
        inner = holds(relation.args[0], ranges)
        return None if inner is None else not inner
    if isinstance(relation, (sympy.And, sympy.Or)):
        decided = isinstance(relation, sympy.Or)  # what one operand alone decides
        known = [holds(a, ranges) for a in relation.args]
        return decided if decided in known else None if None in known else not decided
    if not isinstance(relation, sympy.core.relational.Relational):
        return None
    difference = relation.lhs - relation.rhs
    low, high = lower(difference, ranges), upper(difference, ranges)
    zero, apart = low == high == 0, low > 0 or high < 0
    answers = {
        sympy.Eq: (zero, apart),
        sympy.Ne: (apart, zero),
        sympy.Ge: (low >= 0, high < 0),
        sympy.Gt: (low > 0, high <= 0),
        sympy.Le: (high <= 0, low > 0),
        sympy.Lt: (high < 0, low >= 0),
    }
    true, false = answers.get(relation.func, (False, False))
    return True if true else False if false else None


def _times(a: Bound, b: Bound) -> Bound:
    return Fraction(0) if a == 0 or b == 0 else a * b


def _without_extrema(expr: sympy.Expr, ranges: Ranges) -> sympy.Expr:
    """`expr` with a minimum or maximum replaced by its operand wherever one is known to be the least or greatest."""
    if not expr.args:
        return expr
    args = [_without_extrema(a, ranges) for a in expr.args]
    if isinstance(expr, MAXIMA + MINIMA):
        sign = 1 if isinstance(expr, MAXIMA) else -1
        for a in args:
            if all(a is b or _lower_of_sum(sympy.expand(sign * (a - b)), ranges, depth=4) >= 0 for b in args):
                return a
    return expr if tuple(args) == expr.args else expr.func(*args)


def _interval_of_atom(atom: sympy.Expr, ranges: Ranges, depth: int) -> tuple[Bound, Bound]:
    """The range of what a sum is made of, from the ranges of its operands."""
    if atom in ranges:
        return ranges[atom]
    if depth == 0 or not atom.args:
        return -inf, inf
    between = [(_lower_of_sum(sympy.expand(a), ranges, depth - 1), -_lower_of_sum(sympy.expand(-a), ranges, depth - 1)) for a in atom.args]
    lows, highs = zip(*between)
    if isinstance(atom, MAXIMA):
        return max(lows), max(highs)
    if isinstance(atom, MINIMA):
        return min(lows), min(highs)
    if isinstance(atom, REMAINDERS) and lows[1] >= 1:
        return Fraction(0), min(highs[0], highs[1] - 1) if lows[0] >= 0 else highs[1] - 1
    if isinstance(atom, FLOOR_DIVISIONS) and lows[1] >= 1:
        return _quotient(lows[0], lows[1] if lows[0] < 0 else highs[1]), _quotient(highs[0], highs[1] if highs[0] < 0 else lows[1])
    return -inf, inf


def _quotient(a: Bound, b: Bound) -> Bound:
    if abs(a) == inf:
        return a
    return Fraction(0 if a >= 0 else -1) if b == inf else Fraction(a // b)


def _lower_of_sum(expr: sympy.Expr, ranges: Ranges, depth: int) -> Bound:
    """The lower bound of an expanded sum: the better one of quotients taken as they are and quotients without their rounding. An
    extremum is each of its operands in turn."""
    terms = expr.as_coefficients_dict()
    if len(terms) > MOST_TERMS:
        return -inf
    if depth > 0 and (extrema := expr.atoms(*MAXIMA, *MINIMA)):
        e = min(extrema, key=sympy.default_sort_key)
        cases = [_lower_of_sum(sympy.expand(expr.xreplace({e: a})), ranges, depth - 1) for a in e.args]
        # What is added is at least as large with a maximum as with either operand, so the better case may be taken.
        k = terms.get(e, 0)
        either = not (expr - k * e).has(e) and (k > 0) == isinstance(e, MAXIMA)
        return max(cases) if either else min(cases)
    best = _lower_of_polynomial(expr, ranges, depth)
    relaxed = expr
    for term, k in terms.items():
        if isinstance(term, FLOOR_DIVISIONS) and term.args[1].is_Integer and term.args[1] >= 1:
            x, d = term.args
            relaxed += k * ((x - (d - 1) if k > 0 else x) / d - term)
    if depth > 0 and relaxed != expr:
        best = max(best, _lower_of_sum(sympy.expand(relaxed), ranges, depth - 1))
    return best


def _lower_of_polynomial(expr: sympy.Expr, ranges: Ranges, depth: int) -> Bound:
    """Each atom is written as its minimum plus what it is above; then only terms with a negative coefficient take away."""
    polynomial = expr.as_poly(*_atoms(expr)) if _atoms(expr) else None
    if polynomial is None:
        return Fraction(int(expr.p), int(expr.q)) if expr.is_Rational else -inf
    above: dict[sympy.Symbol, Bound] = {}
    written: list[sympy.Expr] = []  # each atom, as its minimum plus what it is above, or its maximum less what it is below
    for i, atom in enumerate(polynomial.gens):
        low, high = _interval_of_atom(atom, ranges, depth)
        t = sympy.Symbol(f"_t{i}")
        if low == -inf and high == inf:
            return -inf
        written.append(sympy.Rational(low) + t if low > -inf else sympy.Rational(high) - t)
        above[t] = high - low
    shifted = sum(k * sympy.prod(w**n for w, n in zip(written, powers)) for powers, k in polynomial.terms())
    total: Bound = Fraction(0)
    for powers, k in sympy.Poly(shifted, *above).terms():
        coefficient: Bound = Fraction(int(k.p), int(k.q))
        if any(powers):
            largest: Bound = Fraction(1)
            for t, power in zip(above, powers):
                largest = _times(largest, above[t] ** power if power else Fraction(1))
            coefficient = _times(min(coefficient, Fraction(0)), largest)
        total += coefficient
    return total


def _atoms(expr: sympy.Expr) -> list[sympy.Expr]:
    """The symbols and functions that an expanded sum is a polynomial of."""
    found: dict[sympy.Expr, None] = {}
    for term in sympy.Add.make_args(expr):
        for factor in sympy.Mul.make_args(term):
            base = factor.base if isinstance(factor, sympy.Pow) else factor
            if not base.is_number:
                found[base] = None
    return sorted(found, key=sympy.default_sort_key)
