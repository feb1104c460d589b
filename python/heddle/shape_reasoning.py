# SPDX-License-Identifier: Apache-2.0
"""What torch.export's reasoning about sizes lacks, lent to it while it captures.

It refuses a model when a relation of sizes that its operators ask about is neither proven nor in the caller's ranges. Two things make
it refuse convolutional nets of any height and width: it does not see that (n - 1)//2 + 1 is at least 1, and its rule for pools asks
whether a remainder is 0, to correct a rounding that Python's // does not have.
"""
from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from fractions import Fraction
from math import inf
from typing import Any
from unittest import mock

import sympy
import torch._meta_registrations
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from .bounds import Bound, holds


def bound(value: Any) -> Bound:
    """One end of PyTorch's value ranges."""
    return Fraction(int(value)) if getattr(value, "is_Integer", isinstance(value, int)) else inf if value > 0 else -inf


@contextlib.contextmanager
def sharper() -> Iterator[None]:
    """While this lasts, relations that follow from the ranges of symbols count as known. Not for several threads at once."""
    evaluate = ShapeEnv._maybe_evaluate_static

    @functools.wraps(evaluate)  # PyTorch clears the cache that is an attribute of it
    def evaluate_or_prove(self: ShapeEnv, expr: Any, **options: Any) -> Any:
        answer = evaluate(self, expr, **options)
        if answer is not None or options.get("unbacked_only") or not isinstance(expr, sympy.logic.boolalg.Boolean):
            return answer
        known = self.var_to_range
        if not all(s in known for s in expr.free_symbols):
            return None
        proven = holds(expr, {s: (bound(known[s].lower), bound(known[s].upper)) for s in expr.free_symbols})
        return None if proven is None else sympy.true if proven else sympy.false

    def floor_division(x: Any, y: Any) -> Any:
        return x // y

    with contextlib.ExitStack() as patches:
        patches.enter_context(mock.patch.object(ShapeEnv, "_maybe_evaluate_static", evaluate_or_prove))
        patches.enter_context(mock.patch.object(torch._meta_registrations, "div_rtn", floor_division))
        yield
