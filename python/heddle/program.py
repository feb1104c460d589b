# SPDX-License-Identifier: Apache-2.0
"""A program file in the making: symbols, tensors and methods, each method written from a graph and its signature.

Where the graph comes from does not matter: its placeholders and calls carry fake tensors (`meta["val"]`), its operators are functional
ATen, and `Signature` says what its placeholders and results are.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch.fx import GraphModule
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from . import weights
from .errors import ExportError
from .method import Method, Signature
from .sizes import Sizes, Symbol
from .text import DTYPES, MAX_DIMS, Names, identifier, quote


@dataclass
class Tensor:
    """A constant of the program, or, where a method changes it, a state."""

    key: str
    name: str  # of the value
    tensor: torch.Tensor
    is_state: bool = False

    def __str__(self) -> str:
        sizes = ", ".join(map(str, self.tensor.shape))
        kind = "state" if self.is_state else "weight"
        return f"{kind} %{self.name} {quote(self.key)} {DTYPES[self.tensor.dtype]}[{sizes}]"


@dataclass
class Program:
    symbols: dict[str, Symbol] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)  # by key
    methods: list[Method] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _names: Names = field(default_factory=Names)

    def add_symbol(self, symbol: Symbol) -> None:
        """A name is one symbol in all methods; its hint is the first method's."""
        known = self.symbols.setdefault(symbol.name, symbol)
        if (known.least, known.most) != (symbol.least, symbol.most):
            self.problems.append(
                f"the size {symbol.name} is {known.least}..{known.most} in one method and {symbol.least}..{symbol.most} in another: "
                "give the Dims one range, or two names"
            )

    def add_tensor(self, key: str, tensor: torch.Tensor) -> None:
        """A tensor under its qualified name. Adding the same again changes nothing."""
        if key in self.tensors:
            return
        where = f"the tensor {key}"
        if tensor.dtype not in DTYPES or tensor.layout != torch.strided or is_traceable_wrapper_subclass(tensor):
            kind = type(tensor).__name__ if is_traceable_wrapper_subclass(tensor) else f"{tensor.dtype}, {tensor.layout}"
            self.problems.append(f"{where} is a {kind}, which a program file cannot hold")
        if tensor.is_meta:
            self.problems.append(f"{where} has no data: it is on the device meta")
        if tensor.dim() > MAX_DIMS:
            self.problems.append(f"{where} has {tensor.dim()} dims; {MAX_DIMS} are the most")
        # Names of a graph have no dot, so a dot keeps the two apart.
        name = identifier(key if "." in key else f"self.{key}", ".")
        self.tensors[key] = Tensor(key, self._names.unique(name), tensor)

    def add_constant(self, tensor: torch.Tensor, taken: set[str]) -> str:
        """A tensor that has no name in the model, under one that is not in `taken`: equal ones are one. Returns its key."""
        n = 0
        while (key := f"constant.{n}") in self.tensors or key in taken:
            if key in self.tensors and key not in taken and weights.same(self.tensors[key].tensor, tensor):
                return key
            n += 1
        self.add_tensor(key, tensor)
        return key

    def add_state(self, key: str) -> None:
        """A tensor that was added becomes a state."""
        self.tensors[key].is_state = True

    def add_method(self, name: str, graph: GraphModule, signature: Signature, sizes: Sizes) -> None:
        """Every tensor and symbol of it was added before. What is wrong with it is added to the problems."""
        values = {key: tensor.name for key, tensor in self.tensors.items()}
        method = Method(name, signature, sizes, values)
        method.write(graph)
        self.problems += method.problems
        self.methods.append(method)

    def check(self) -> None:
        """Raises ExportError when there are problems."""
        states = [t for t in self.tensors.values() if t.is_state]
        for state in states:
            storage = state.tensor.untyped_storage().data_ptr()
            for other in self.tensors.values():
                if other is not state and state.tensor.numel() and other.tensor.untyped_storage().data_ptr() == storage:
                    self.problems.append(f"the buffers {state.key} and {other.key} share memory, and the first is changed")
        if self.problems:
            raise ExportError(self.problems)

    def text(self) -> str:
        tensors = self.tensors.values()
        parts = [
            ["heddle program 1"],
            [str(symbol) for symbol in self.symbols.values()],
            [str(t) for t in tensors if not t.is_state] + [str(t) for t in tensors if t.is_state],
            *(method.lines for method in self.methods),
        ]
        return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"

    def stored(self) -> Mapping[str, torch.Tensor]:
        """What goes into the safetensors file: all but states that begin as zeros."""
        return {key: t.tensor for key, t in self.tensors.items() if not (t.is_state and weights.is_zero(t.tensor))}
