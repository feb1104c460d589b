# SPDX-License-Identifier: Apache-2.0
"""What a captured method's sizes and results are called: by the caller's Dims, and by their places in what the model returns."""
from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

import sympy
import torch
from torch.export import Dim, ExportedProgram
from torch.export.graph_signature import InputKind
from torch.utils import _pytree as pytree

from .shape_reasoning import bound
from .sizes import Symbol
from .text import RESERVED, Names, identifier

DimNames = Mapping[int, Mapping[int, str]]  # id of an example tensor: dim: name


def dim_names(model: torch.nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], dynamic_shapes: Any) -> DimNames:
    """What the caller's Dims are called that belong to the example tensors. PyTorch has accepted them: the two match."""
    names: dict[int, dict[int, str]] = {}
    if dynamic_shapes is not None:
        arguments = inspect.signature(model.forward).bind(*args, **kwargs).arguments
        keyed = isinstance(dynamic_shapes, Mapping)
        specs = [dynamic_shapes.get(name) for name in arguments] if keyed else list(dynamic_shapes)
        for value, spec in zip(arguments.values(), specs):
            _walk(value, spec, names)
    return names


def _walk(value: Any, spec: Any, names: dict[int, dict[int, str]]) -> None:
    if spec is None:
        return
    if isinstance(value, torch.Tensor):
        dims = spec.items() if isinstance(spec, Mapping) else enumerate(spec)
        own = names.setdefault(id(value), {})
        own.update((i, d.__name__) for i, d in ((i, getattr(d, "root", d)) for i, d in dims) if isinstance(d, Dim))
    elif isinstance(value, Mapping) and isinstance(spec, Mapping):
        for key, inner in value.items():
            _walk(inner, spec.get(key), names)
    else:
        children, _ = pytree.tree_flatten(value, is_leaf=lambda v: v is not value)
        specs, _ = pytree.tree_flatten(spec, is_leaf=lambda v: v is not spec)
        for inner, of_inner in zip(children, specs):
            if inner is not value:
                _walk(inner, of_inner, names)


def symbols_of(
    exported: ExportedProgram, arguments: tuple[tuple[Any, ...], Mapping[str, Any]], names: DimNames, problems: list[str]
) -> dict[sympy.Symbol, Symbol]:
    """The symbols of a method's inputs, in the order in which they appear there. A size without a Dim is called by its input and dim."""
    found: dict[sympy.Symbol, str] = {}
    hints: Mapping[sympy.Symbol, Any] = {}
    limits = dict(exported.range_constraints)
    for name, dim, size, given in _dynamic_sizes(exported, arguments, names):
        for s in sorted(size.node.expr.free_symbols, key=str):
            if given is not None or size.node.expr == s:
                found.setdefault(s, given or f"{name}_{dim}")
        hints = size.node.shape_env.var_to_val
        limits = {**size.node.shape_env.var_to_range, **limits}
    symbols = {}
    unique = Names(RESERVED)
    for s, name in found.items():
        name = unique.unique(identifier(name))
        most = bound(limits[s].upper)
        if most == inf:
            problems.append(f'the size {name} has no upper bound: give it one, as Dim("{name}", max=4096)')
            most = 2**31 - 1
        symbols[s] = Symbol(name, max(int(bound(limits[s].lower)), 1), int(most), int(hints[s]))
    return symbols


def _dynamic_sizes(
    exported: ExportedProgram, arguments: tuple[tuple[Any, ...], Mapping[str, Any]], names: DimNames
) -> Iterator[tuple[str, int, torch.SymInt, str | None]]:
    """All symbolic sizes of the inputs: name of the input, dim, size, name of its Dim."""
    nodes = {node.name: node for node in exported.graph.nodes}
    specs = [s for s in exported.graph_signature.input_specs if s.kind == InputKind.USER_INPUT]
    for spec, example in zip(specs, pytree.tree_leaves((arguments[0], dict(arguments[1])))):
        value = nodes[spec.arg.name].meta.get("val") if spec.arg.name in nodes else None
        if isinstance(value, torch.Tensor):
            for dim, size in enumerate(value.shape):
                if isinstance(size, torch.SymInt):
                    yield spec.arg.name, dim, size, names.get(id(example), {}).get(dim)


def output_names(exported: ExportedProgram) -> list[str]:
    """A name for each result: keys, fields and indices on the way to it, joined by dots; "output" for one that is all there is."""
    spec = exported.call_spec.out_spec
    names = Names()
    return [names.unique(".".join(path) or "output") for path in _paths(spec)]


def _paths(spec: pytree.TreeSpec) -> Iterator[tuple[str, ...]]:
    if spec.is_leaf():
        yield ()
        return
    keys = spec.context if isinstance(spec.context, (list, tuple)) else getattr(spec.context, "_fields", None)
    if not keys or len(keys) != len(spec.children_specs) or not all(isinstance(k, (str, int)) for k in keys):
        keys = range(len(spec.children_specs))
    for key, child in zip(keys, spec.children_specs):
        for path in _paths(child):
            yield (str(key), *path)
