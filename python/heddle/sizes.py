# SPDX-License-Identifier: Apache-2.0
"""Sizes: PyTorch's sympy expressions of symbols as expressions of a program file."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy
from torch.utils._sympy import functions as f

from . import bounds

SUM, PRODUCT, ATOM = range(3)  # how tightly a text binds
EXACT_IN_F64 = 2**53


class SizeError(Exception):
    """An expression that a program file cannot hold; the text says what is in the way."""


@dataclass(frozen=True)
class Symbol:
    """A size that is given at run time: least <= its value <= most."""

    name: str
    least: int
    most: int
    hint: int

    def __str__(self) -> str:
        return f"symbol {self.name} {self.least}..{self.most} hint {self.hint}"


class Sizes:
    """The sizes of one method. `symbols` says what each of PyTorch's symbols is called, and its range."""

    def __init__(self, symbols: Mapping[sympy.Symbol, Symbol]) -> None:
        self._named = {s: sympy.Symbol(symbol.name, integer=True) for s, symbol in symbols.items()}
        self.ranges: bounds.Ranges = {
            self._named[s]: (Fraction(symbol.least), Fraction(symbol.most)) for s, symbol in symbols.items()
        }
        self._texts: dict[sympy.Basic, str] = {}
        self._negative: dict[sympy.Basic, str | None] = {}

    def named(self, expr: sympy.Basic) -> sympy.Basic:
        """The expression in the symbols' own names; SizeError when it has one that is none of them."""
        for s in sorted(expr.free_symbols - self._named.keys(), key=str):
            raise SizeError(f"the size {s} is not a size of an input")
        return expr.xreplace(self._named)

    def text(self, expr: sympy.Basic) -> str:
        if expr not in self._texts:
            self._texts[expr] = self._text(self.named(expr))[0]
        return self._texts[expr]

    def holds(self, relation: sympy.Basic) -> bool | None:
        return bounds.holds(self.named(relation), self.ranges)

    def negative_example(self, expr: sympy.Basic) -> str | None:
        """Values of the symbols, at ends of their ranges, that make an expression negative: "h = 2"; None when it cannot be, or none
        was found there."""
        if expr not in self._negative:
            self._negative[expr] = self._negative_at_ends(self.named(expr))
        return self._negative[expr]

    def _negative_at_ends(self, expr: sympy.Basic) -> str | None:
        symbols = sorted(expr.free_symbols, key=str)
        if not symbols or bounds.lower(expr, self.ranges) >= 0:
            return None
        for ends in range(2 ** min(len(symbols), 6)):
            values = {s: int(self.ranges[s][ends >> i & 1]) for i, s in enumerate(symbols)}
            if expr.xreplace({s: sympy.Integer(v) for s, v in values.items()}) < 0:
                return ", ".join(f"{s} = {v}" for s, v in values.items())
        return None

    # ---- an expression's text, and how tightly it binds ----

    def _text(self, e: sympy.Basic) -> tuple[str, int]:
        if e.is_Integer:
            return str(int(e)), ATOM if e >= 0 else SUM
        if e.is_Symbol:
            return e.name, ATOM
        if e.is_Add:
            return self._sum(e)
        if e.is_Mul or e.is_Pow or isinstance(e, f.PowByNatural):
            return self._product(e)
        if isinstance(e, bounds.FLOOR_DIVISIONS):
            return self._divided(e.args[0], "//", e.args[1])
        if isinstance(e, bounds.REMAINDERS):
            return self._divided(e.args[0], "%", e.args[1])
        if isinstance(e, f.ModularIndexing):
            return self._divided(f.FloorDiv(e.args[0], e.args[1]), "%", e.args[2])
        if isinstance(e, f.CeilDiv):
            return self._divided(e.args[0] + e.args[1] - 1, "//", e.args[1])
        if isinstance(e, bounds.MINIMA + bounds.MAXIMA):
            return self._extremum("min" if isinstance(e, bounds.MINIMA) else "max", e)
        if isinstance(e, (f.FloorToInt, f.TruncToInt, f.CeilToInt)):
            return self._rounded(e)
        if isinstance(e, f.Identity):
            return self._text(e.args[0])
        raise SizeError(f"a size is {e}, and a program file has no {type(e).__name__}")

    def _bracketed(self, e: sympy.Basic, least: int) -> str:
        text, binds = self._text(e)
        return text if binds >= least else f"({text})"

    def _sum(self, e: sympy.Add) -> tuple[str, int]:
        terms = e.as_ordered_terms()
        common = sympy.Integer(sympy.ilcm(*(t.as_coeff_Mul()[0].q for t in terms)))
        if common != 1:  # the sum is whole although its terms are not
            return self._divided(sympy.expand(e * common), "//", common)
        text = ""
        for t in sorted(terms, key=lambda t: bool(t.as_coeff_Mul()[0] < 0)):  # stable: what is added comes first
            minus = bool(text) and t.as_coeff_Mul()[0] < 0
            term = self._bracketed(-t if minus else t, PRODUCT if text else SUM)
            text = f"{text} {'-' if minus else '+'} {term}" if text else term
        return text, SUM

    def _product(self, e: sympy.Expr) -> tuple[str, int]:
        numerator, denominator = e.as_numer_denom()
        if denominator != 1:  # whole, as all sizes are
            return self._divided(numerator, "//", denominator)
        if e.as_coeff_Mul()[0] < 0:
            return f"-{self._bracketed(-e, PRODUCT)}", SUM
        parts = []
        for factor in e.as_ordered_factors():
            is_power = factor.is_Pow or isinstance(factor, f.PowByNatural)
            base, exponent = factor.args if is_power else (factor, sympy.S.One)
            if not (exponent.is_Integer and 1 <= exponent <= 8):
                raise SizeError(f"a size is {e}, and a program file has powers up to the eighth only")
            # A quotient or remainder between factors would take what stands to its left: brackets, even where it is the first.
            plain = base.is_Symbol or base.is_Integer
            parts += [self._bracketed(base, PRODUCT if plain else ATOM)] * int(exponent)
        return "*".join(parts), PRODUCT

    def _divided(self, a: sympy.Basic, sign: str, b: sympy.Basic) -> tuple[str, int]:
        if bounds.lower(b, self.ranges) < 1:
            raise SizeError(f"a size is divided by {self._text(b)[0]}, which may be less than 1")
        sign = f" {sign} " if sign == "%" else sign  # apart from what follows, which it would make look like a value
        return f"{self._bracketed(a, ATOM)}{sign}{self._bracketed(b, ATOM)}", PRODUCT

    def _extremum(self, name: str, e: sympy.Basic) -> tuple[str, int]:
        texts = sorted(self._text(a)[0] for a in e.args)
        text = texts[0]
        for other in texts[1:]:
            text = f"{name}({text}, {other})"
        return text, ATOM

    def _rounded(self, e: sympy.Basic) -> tuple[str, int]:
        """A float made whole again: only where the float was exact, so that the quotient of integers is the same."""
        a, b = self._ratio(e.args[0])
        low, high = bounds.lower(a, self.ranges), bounds.upper(a, self.ranges)
        if -low >= EXACT_IN_F64 or high >= EXACT_IN_F64 or (isinstance(e, f.TruncToInt) and low < 0):
            raise SizeError(f"a size is {e}, which rounds as floats do")
        if b == 1:
            return self._text(a)
        return self._text(f.FloorDiv(a + b - 1 if isinstance(e, f.CeilToInt) else a, b))

    def _ratio(self, e: sympy.Basic) -> tuple[sympy.Expr, sympy.Expr]:
        """Integers a and b >= 1 such that floor and ceiling of the float expression are those of a / b: one correctly rounded
        quotient of integers below 2^53, or products with floats that are multiples of a small power of 1/2."""
        if isinstance(e, f.IntTrueDiv) and bounds.lower(e.args[1], self.ranges) >= 1:
            return e.args[0], e.args[1]
        if isinstance(e, f.ToFloat):
            return e.args[0], sympy.S.One
        if e.is_Float or e.is_Rational:
            ratio = Fraction(float(e))
            if ratio.denominator <= 2**20:
                return sympy.Integer(ratio.numerator), sympy.Integer(ratio.denominator)
        if e.is_Mul:
            ratios = [self._ratio(a) for a in e.args]
            if all(b.is_Integer and (int(b) & (int(b) - 1)) == 0 for _, b in ratios):
                return sympy.prod(a for a, _ in ratios), sympy.prod(b for _, b in ratios)
        raise SizeError(f"a size is made from the float {e}")
