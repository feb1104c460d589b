# SPDX-License-Identifier: Apache-2.0
"""Size expressions: bounds are never wrong, what matters is proven, and the text of an expression is that expression."""
import itertools
import random

import pytest
import sympy
from torch.utils._sympy import functions as f

from heddle import bounds
from heddle.sizes import SizeError, Sizes, Symbol
from heddle.text import number, quote
from program_reader import Line, Size

A, B, C = sympy.symbols("s1 s2 s3", integer=True, positive=True)
SYMBOLS = {A: Symbol("a", 1, 6, 2), B: Symbol("b", 2, 9, 5), C: Symbol("seq", 3, 5, 3)}
VALUES = [dict(zip((A, B, C), v)) for v in itertools.product(range(1, 7), range(2, 10), range(3, 6))]


def random_size(rng, depth):
    """A whole expression of the kinds that PyTorch makes; divisors are positive."""
    if depth == 0:
        return rng.choice([A, B, C, sympy.Integer(rng.randint(-3, 9))])
    x, y = random_size(rng, depth - 1), random_size(rng, depth - 1)
    divisor = rng.choice([A, B + 1, sympy.Integer(rng.randint(1, 7))])
    return rng.choice([
        lambda: x + y, lambda: x - y, lambda: x * y, lambda: x**2, lambda: f.FloorDiv(x, divisor), lambda: f.PythonMod(x, divisor),
        lambda: f.Max(x, y), lambda: f.Min(x, y), lambda: x + rng.randint(-4, 4), lambda: x * rng.randint(1, 4),
    ])()  # fmt: skip


def value(expr, at):
    return int(expr.xreplace({s: sympy.Integer(v) for s, v in at.items()}))


def read(text):
    line = Line(text, {"a": 0, "b": 0, "seq": 0})
    size = Size(line.sum())
    line.end()
    return size


def test_texts_are_what_they_were_made_from():
    rng, sizes, seen = random.Random(5), Sizes(SYMBOLS), 0
    for _ in range(300):
        expr = random_size(rng, rng.randint(1, 3))
        try:
            size = read(sizes.text(expr))
        except SizeError:  # a high power, or a divisor that is not known to be positive
            continue
        seen += 1
        for at in rng.sample(VALUES, 12):
            assert size.at({"a": at[A], "b": at[B], "seq": at[C]}) == value(expr, at), (expr, sizes.text(expr))
    assert seen > 250


def test_bounds_are_never_wrong():
    rng, sizes = random.Random(6), Sizes(SYMBOLS)
    for _ in range(150):
        expr = random_size(rng, rng.randint(1, 3))
        found = [value(expr, at) for at in VALUES]
        named = sizes.named(sympy.sympify(expr))
        assert bounds.lower(named, sizes.ranges) <= min(found), expr
        assert bounds.upper(named, sizes.ranges) >= max(found), expr
        for relation in (sympy.Ge(named, 3), sympy.Eq(named, found[0]), sympy.Ne(named, 4), sympy.Lt(named, found[-1])):
            proven = bounds.holds(relation, sizes.ranges)
            truths = {bool(relation.subs({sizes.named(s): v for s, v in at.items()})) for at in rng.sample(VALUES, 20)}
            assert proven is None or truths == {proven}, relation


@pytest.mark.parametrize("relation", [
    sympy.Ge(A - f.FloorDiv(A, 2), 0), sympy.Eq(f.Max(sympy.S.One, f.FloorDiv(B - 1, 2) + 1), f.FloorDiv(B - 1, 2) + 1), sympy.Ge(f.Max(A, B), B),
    sympy.Le(f.Min(sympy.Integer(9), A), A), sympy.Gt((A + 1) * (B + 1), A * B), sympy.Ne(A * B + 1, 0), sympy.Lt(f.PythonMod(A, 4), 4),
    sympy.And(sympy.Ge(A, 1), sympy.Or(sympy.Ge(B, 100), sympy.Le(C, 5))), sympy.Ge(A * B - B, 0), sympy.Le(f.FloorDiv(A + 1, 2), A),
])  # fmt: skip
def test_what_follows_is_proven(relation):
    sizes = Sizes(SYMBOLS)
    assert sizes.holds(relation) is True
    assert sizes.holds(sympy.Not(relation)) is False


@pytest.mark.parametrize("relation", [sympy.Ge(A, 2), sympy.Eq(A, B), sympy.Eq(f.PythonMod(B, 2), 0), sympy.Gt(f.FloorDiv(A, 2), 0)])
def test_what_does_not_follow_is_not(relation):
    assert Sizes(SYMBOLS).holds(relation) is None


@pytest.mark.parametrize("expr,text", [
    (f.FloorDiv(A - 1, 2) + 1, "(a - 1)//2 + 1"), (2 * f.FloorDiv(A, 3) * B, "2*b*(a//3)"), (f.PythonMod(-A, 4), "(-a) % 4"), (A - B, "a - b"),
    (f.Max(A, f.Min(B, sympy.Integer(7))), "max(a, min(7, b))"), (A**2 * B, "a*a*b"), (-A - 1, "-a - 1"), (f.ModularIndexing(A, 2, 3), "(a//2) % 3"),
    (f.TruncToInt(f.FloatTrueDiv(1.0, 2.0) * f.ToFloat(A)), "a//2"), (f.CeilToInt(f.IntTrueDiv(A, 3)), "(a + 2)//3"),
    (A / 2 + B / 2, "(a + b)//2"), (f.FloorToInt(sympy.Float(1.5) * f.ToFloat(B)), "(3*b)//2"), (f.CleanDiv(A * B, C), "(a*b)//seq"),
])  # fmt: skip
def test_the_text(expr, text):
    assert Sizes(SYMBOLS).text(expr) == text


@pytest.mark.parametrize("expr,why", [
    (f.FloorDiv(A, B - 5), "may be less than 1"), (f.TruncToInt(sympy.Float(0.1) * f.ToFloat(A)), "made from the float"),
    (sympy.Symbol("u0") + A, "u0 is not a size of an input"), (f.RoundToInt(f.IntTrueDiv(A, 3)), "has no RoundToInt"), (A**9, "eighth"),
])  # fmt: skip
def test_what_has_no_text(expr, why):
    with pytest.raises(SizeError, match=why):
        Sizes(SYMBOLS).text(expr)


def test_negative_sizes_are_shown():
    sizes = Sizes(SYMBOLS)
    assert sizes.negative_example(A + B - 4) == "a = 1, b = 2"
    assert sizes.negative_example(A - f.FloorDiv(A, 2)) is None


def test_numbers_and_strings():
    for v in (0, -7, 2**63 - 1, 1.0, -0.0, 1e-5, 1e300, 0.1, 3.4028234663852886e38, float("inf"), float("-inf"), True, False):
        back = Line(number(v), {}).argument()
        back = back.at({}) if isinstance(back, Size) else back
        assert type(back) is type(v) and repr(back) == repr(v)
    assert number(float("nan")) == "nan"
    for s in ("", "tanh", 'a"b\\c', "line\nnext\ttab", "\x01\x7f", "naïve ✓ 𝛼"):
        assert Line(quote(s), {}).string() == s and "\n" not in quote(s)
