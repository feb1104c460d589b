# SPDX-License-Identifier: Apache-2.0
"""One method of a program file, written from a graph of functional ATen operators.

Nodes that compute sizes become expressions where they are used; nodes that assert something about sizes are proven from the ranges of
the symbols. Everything that a file cannot hold becomes a sentence in `problems`; the rest of the graph is still looked through.
"""
from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sympy
import torch
from torch.fx import GraphModule, Node
from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

from .sizes import SizeError, Sizes
from .text import DTYPES, MAX_DIMS, Names, identifier, number, quote

aten = torch.ops.aten

SYM_TYPES = (torch.SymInt, torch.SymFloat, torch.SymBool)
LEFT_OUT = {"device", "layout", "pin_memory", "memory_format", "non_blocking"}  # arguments that say nothing here
# What export adds to guard a dtype or device that it has fixed itself: the file's types say it.
GUARANTEED = {aten._assert_tensor_metadata.default}
TORCH = str(Path(torch.__file__).parent)


@dataclass(frozen=True)
class Signature:
    """What a graph's placeholders and results are. Names are those of its nodes, keys those of the program's tensors."""

    tensors: Mapping[str, str]  # placeholder: key of the weight or state that it stands for
    inputs: list[str]  # placeholders that are arguments, in order; all others are not used
    outputs: list[tuple[str, str | None, Any]]  # what a result is called, and its node's name, or what it is if it has no node
    updates: Mapping[str, str]  # key of a state: the node that it is after the call


def is_higher_order(node: Node) -> bool:
    """Whether a node calls an operator on functions, such as cond."""
    return isinstance(node.target, torch._ops.HigherOrderOperator)


def source(node: Node) -> str:
    """The line of the model that a node comes from, as file.py:12: the innermost frame outside of PyTorch."""
    frames = re.findall(r'File "([^"]*)", line (\d+)', node.meta.get("stack_trace") or "")
    own = [(file, line) for file, line in frames if not file.startswith((TORCH, "torch/", "<"))]
    return f"{Path(own[-1][0]).name}:{own[-1][1]}" if own else ""


def scope(node: Node) -> str:
    """The qualified name of the module whose forward made a node; a second call of one module is not told from the first."""
    stack = node.meta.get("nn_module_stack") or {}
    path = list(stack.values())[-1][0] if stack else ""
    return re.sub(r"@\d+", "", path)


class Method:
    """`lines` and `problems` are complete after write()."""

    def __init__(self, name: str, signature: Signature, sizes: Sizes, tensors: Mapping[str, str]) -> None:
        self.name, self.signature, self.sizes = name, signature, sizes
        self.lines: list[str] = []
        self.problems: list[str] = []
        self._tensors = tensors  # key: name of the value
        self._names = Names(tensors.values())
        self._values: dict[str, str] = {}  # node: name of its value
        self._failed: set[str] = set()  # nodes that a problem leaves without a value
        self._negative: set[str] = set()  # sizes that may be
        self._results: dict[str, list[str]] = {}  # node of a call with several results: their names

    def write(self, graph: GraphModule) -> None:
        self.lines.append(f"method {self.name}")
        placeholders = {node.name: node for node in graph.graph.nodes if node.op == "placeholder"}
        self._values = {name: self._tensors[key] for name, key in self.signature.tensors.items()}
        for name in self.signature.inputs:
            self._input(placeholders[name])
        for node in graph.graph.nodes:
            if node.op == "call_function":
                self._node(node)
            elif node.op not in ("placeholder", "output") and not all(is_higher_order(user) for user in node.users):
                self._problem(node, f"a {node.op} is nothing that a program file has")
        for key, name in self.signature.updates.items():
            self.lines.append(f"update %{self._tensors[key]} %{self._values.get(name, '?')}")
        for name, result, constant in self.signature.outputs:
            if result in self._values:
                self.lines.append(f"output {quote(name)} %{self._values[result]}")
            elif result not in self._failed:
                what = repr(constant) if result is None else "a number made from sizes"
                self.problems.append(f"the output {name} of {self.name} is {what}; outputs are tensors")
        self.lines.append("end")

    # ---- problems ----

    @staticmethod
    def _where(node: Node) -> str:
        target = str(node.target).removeprefix("torch.ops.")
        line = source(node)
        return f"{target} ({line})" if line else target

    def _problem(self, node: Node, sentence: str) -> None:
        where = f"the input {node.name}" if node.op == "placeholder" else self._where(node)
        self.problems.append(f"{where}: {sentence}")
        self._failed.add(node.name)

    # ---- statements ----

    def _input(self, node: Node) -> None:
        value = node.meta.get("val")
        self._values[node.name] = self._names.unique(identifier(node.name))
        if not isinstance(value, torch.Tensor):
            self._problem(node, "a number that is given at run time has no place in a program file; give it as a tensor, or fix it")
            return
        self.lines.append(f"input %{self._values[node.name]} {self._type(node, value)}")

    def _node(self, node: Node) -> None:
        value = node.meta.get("val")
        if node.target is operator.getitem:
            self._getitem(node)
        elif node.meta.get("unbacked_bindings") or self._is_unbacked_item(node):
            self._problem(node, "makes a size or a number from data, which is not known before the run")
        elif is_higher_order(node):
            self._problem(node, "control flow and other operators on functions are not supported")
        elif self._asserts(node) or isinstance(value, SYM_TYPES + (int, float, bool)):
            return
        elif not isinstance(node.target, torch._ops.OpOverload):
            self._problem(node, "is not an operator of PyTorch")
        elif node.target.namespace != "aten":
            self._problem(node, "is not an operator of ATen; a custom operator cannot be compiled")
        else:
            self._call(node, node.target, value)

    @staticmethod
    def _is_unbacked_item(node: Node) -> bool:
        return node.target in (aten.item.default, aten._local_scalar_dense.default)

    def _getitem(self, node: Node) -> None:
        base, index = node.args
        results = self._results.get(base.name) if isinstance(base, Node) else None
        if results is not None and isinstance(index, int):
            self._values[node.name] = results[index]
        else:
            self._failed.add(node.name)

    def _call(self, node: Node, op: torch._ops.OpOverload, value: Any) -> None:
        if free_unbacked_symbols(value):
            self._failed.add(node.name)  # the operator that makes the size is a problem already
            return
        arguments = self._arguments(node, op)
        self._check_meaning(node, op)
        single = isinstance(value, torch.Tensor)
        results = [value] if single else list(value) if isinstance(value, (tuple, list)) else []
        if not results or not all(isinstance(r, torch.Tensor) for r in results):
            self._problem(node, f"its result is {value!r}; results are tensors")
            return
        types = ", ".join(self._type(node, r) for r in results)
        if single:
            names = [self._names.unique(op._schema.name.removeprefix("aten::"))]
            self._values[node.name] = names[0]
        else:
            base = self._names.unique(op._schema.name.removeprefix("aten::"))
            names = [self._names.unique(f"{base}.{i}") for i in range(len(results))]
            self._results[node.name] = names
        left = ", ".join(f"%{n}" for n in names)
        self.lines.append(f"{left} = {op}({arguments}) : {types} @ {quote(scope(node))} {quote(source(node))}")

    def _check_meaning(self, node: Node, op: torch._ops.OpOverload) -> None:
        """Operators that mean something beyond their values: they would be read wrongly, so they are refused."""
        given = self._given(node, op)
        if op in (aten.as_strided.default, aten.as_strided_scatter.default):
            operand = given["self"].meta["val"]
            if not operand.is_contiguous() or operand.storage_offset() != 0:
                self._problem(node, "addresses memory by the strides of its operand, and values of a program have none")

    # ---- assertions on sizes ----

    def _asserts(self, node: Node) -> bool:
        """Whether a node only asserts something; if so it is proven here, or a problem."""
        target = node.target
        if target in GUARANTEED:
            return True
        if target is aten._assert_scalar.default:
            self._prove(node, self._sympy(node.args[0]))
            return True
        if target in (aten.sym_constrain_range.default, aten.sym_constrain_range_for_size.default):
            size = self._sympy(node.args[0])
            if node.kwargs.get("min") is not None:
                self._prove(node, size >= node.kwargs["min"])
            if node.kwargs.get("max") is not None:
                self._prove(node, size <= node.kwargs["max"])
            return True
        return False

    def _prove(self, node: Node, condition: sympy.Basic) -> None:
        if free_unbacked_symbols(condition):
            return  # the operator that makes the size is a problem already
        try:
            if not self.sizes.holds(condition):
                self._problem(node, f"asserts {self.sizes.named(condition)}, which does not follow from the ranges of the sizes")
        except SizeError as e:
            self._problem(node, str(e))

    @staticmethod
    def _sympy(argument: Any) -> sympy.Basic:
        value = argument.meta["val"] if isinstance(argument, Node) else argument
        return value.node.expr if isinstance(value, SYM_TYPES) else sympy.sympify(value)

    # ---- types and arguments ----

    def _type(self, node: Node, value: torch.Tensor) -> str:
        if value.dtype not in DTYPES or value.layout != torch.strided:
            layout = "" if value.layout == torch.strided else f", {value.layout}"
            self._problem(node, f"the type {value.dtype}{layout} is not one that a program file has")
            return "?"
        if value.dim() > MAX_DIMS:
            self._problem(node, f"its value has {value.dim()} dims; {MAX_DIMS} are the most")
        return f"{DTYPES[value.dtype]}[{', '.join(self._size(node, n) for n in value.shape)}]"

    def _size(self, node: Node, size: int | torch.SymInt) -> str:
        if not isinstance(size, torch.SymInt):
            return str(size)
        text = self._integer(node, size)
        example = self.sizes.negative_example(size.node.expr) if text != "?" else None
        if example is not None and text not in self._negative:
            self._negative.add(text)  # said once, of the first that has it
            self._problem(node, f"the size {text} is negative for {example}; give the Dim a larger min")
        return text

    def _integer(self, node: Node, value: torch.SymInt) -> str:
        try:
            return self.sizes.text(value.node.expr)
        except SizeError as e:
            self._problem(node, str(e))
            return "?"

    def _arguments(self, node: Node, op: torch._ops.OpOverload) -> str:
        """Those with a default and a plain meaning by position as long as no default is left out before them, the rest by name."""
        texts = []
        by_name = False
        given = self._given(node, op)
        for a in op._schema.arguments:
            value = given[a.name]
            if a.name in LEFT_OUT or (a.has_default_value() and self._is_default(value, a.default_value)):
                by_name = by_name or a.has_default_value()
                continue
            by_name = by_name or a.kwarg_only or (a.has_default_value() and isinstance(value, (bool, float, str, torch.dtype)))
            text = self._argument(node, value, a.type)
            texts.append(f"{a.name}={text}" if by_name else text)
        return ", ".join(texts)

    @staticmethod
    def _given(node: Node, op: torch._ops.OpOverload) -> dict[str, Any]:
        """All arguments of a call by their names in the schema, defaults included."""
        positional = dict(zip((a.name for a in op._schema.arguments), node.args))
        defaults = {a.name: a.default_value for a in op._schema.arguments if a.has_default_value()}
        return defaults | positional | dict(node.kwargs)

    @staticmethod
    def _is_default(value: Any, default: Any) -> bool:
        if isinstance(value, (list, tuple)):
            return isinstance(default, list) and len(value) == len(default) and all(map(Method._is_default, value, default))
        return type(value) is type(default) and value == default

    def _argument(self, node: Node, value: Any, kind: Any) -> str:
        if isinstance(value, Node):
            return self._operand(node, value, kind)
        if isinstance(value, torch.SymInt):
            return self._integer(node, value)
        if isinstance(value, (list, tuple)):
            element = kind.getElementType() if hasattr(kind, "getElementType") else kind
            if isinstance(element, torch.ListType):  # an optional list
                element = element.getElementType()
            return f"[{', '.join(self._argument(node, v, element) for v in value)}]"
        if isinstance(value, (bool, int, float)):
            return number(float(value) if self._is_float(kind) and not isinstance(value, bool) else value)
        if value is None:
            return "none"
        if isinstance(value, str):
            return quote(value)
        if isinstance(value, torch.dtype) and value in DTYPES:
            return DTYPES[value]
        self._problem(node, f"its argument {value!r} is nothing that a program file has")
        return "?"

    @staticmethod
    def _is_float(kind: Any) -> bool:
        return str(kind) in ("float", "Optional[float]")

    def _operand(self, node: Node, operand: Node, kind: Any) -> str:
        value = operand.meta.get("val")
        if isinstance(value, SYM_TYPES) and free_unbacked_symbols(value):
            return "?"  # the operator that makes the number is a problem already
        if isinstance(value, torch.SymInt):
            return self._integer(node, value)
        if isinstance(value, (torch.SymFloat, torch.SymBool)):
            self._problem(node, f"its argument {self.sizes.named(value.node.expr)} is made from sizes and is not an integer")
            return "?"
        if isinstance(value, (bool, int, float)):
            return self._argument(node, value, kind)
        if operand.name in self._results:  # a list of all results
            return f"[{', '.join('%' + n for n in self._results[operand.name])}]"
        # A node without a value is a problem already, its users are not.
        return f"%{self._values.get(operand.name, '?')}"
