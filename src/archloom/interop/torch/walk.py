"""From a graph of torch.export to layers: one pass over the calls in their order, nested graphs included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from archloom.errors import Fault, InputError
from archloom.interop.collect import Found
from archloom.interop.torch.call import Call, is_node
from archloom.interop.torch.lower import lower, takes_products
from archloom.interop.torch.skip import skip
from archloom.workload.network import Skipped

__all__ = ["walk"]

_RANDOM = ("rand", "bernoulli", "multinomial", "normal", "poisson")


def walk(module: Any, stored: set[Any], found: Found) -> None:
    """Enter the layers of a graph module into `found`; `stored` holds its parameters, and gets what is computed from them."""
    names = _Names(module.graph)
    _forget_written(module.graph, stored)
    for node in module.graph.nodes:
        if node.op == "get_attr":
            stored.add(node)
        if node.op != "call_function":
            continue
        call = Call(node, names.of(node), stored)
        try:
            _visit(module, call, found)
        except InputError as error:
            found.faults.extend(
                Fault(f"{call.kind} {call.name!r}: {fault.message.removeprefix(call.name + ': ')}", hint=fault.hint)
                for fault in error.faults
            )


def _visit(module: Any, call: Call, found: Found) -> None:
    node = call.node
    graphs = [
        argument
        for argument in node.args
        if is_node(argument) and argument.op == "get_attr" and _graph(module, argument)
    ]
    if graphs and not takes_products(call.kind):
        _nested(module, call, graphs, found)
        return
    if _is_stored(call):
        call.stored.add(node)
        return
    if node.target.__module__ in ("_operator", "operator", "math"):
        return  # picks one of several results, or computes with sizes
    parts = lower(call)
    found.add([skip(call)] if parts is None else parts)


def _forget_written(graph: Any, stored: set[Any]) -> None:
    """A buffer that the graph writes to, itself or through a view, such as a cache of keys, is no stored weight."""
    for node in graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if node.op == "call_function" and schema is not None and schema.is_mutable and node.args:
            source = node.args[0]
            while is_node(source) and source.op == "call_function" and source.args:
                source = source.args[0]
            stored.discard(source)


def _is_stored(call: Call) -> bool:
    """Whether a call depends on parameters alone, and on no chance."""
    inputs = call.node.all_input_nodes
    chance = any(word in call.kind for word in _RANDOM)
    return not chance and all(source in call.stored for source in inputs) and "val" in call.node.meta


def _graph(module: Any, node: Any) -> Any:
    value = module
    for part in str(node.target).split("."):
        value = getattr(value, part, None)
    return value if hasattr(value, "graph") else None


def _nested(module: Any, call: Call, graphs: Sequence[Any], found: Found) -> None:
    """A call of nested graphs: a region under another mode, a condition, a loop over slices."""
    kind = call.kind.rpartition(".")[2]
    branches = [_inside(module, call, graph) for graph in graphs]
    if kind.startswith("wrap") or kind in ("checkpoint", "invoke_subgraph"):
        found.repeat(branches[0], 1)
    elif kind == "cond" and len(branches) == 2:
        if not found.repeat_either(*branches):
            one, other = (branch.described() for branch in branches)
            raise InputError(
                f"its branches compute different layers ({one} and {other}), and which is taken depends on data"
            )
    elif any(branch.layers for branch in branches):
        inside = next(branch for branch in branches if branch.layers).described()
        raise InputError(
            f"its body computes {inside}, and how often is not known here", hint="unroll the loop before the export"
        )
    else:
        found.skipped.append(Skipped(call.name, call.kind, None, "how often it runs depends on data"))


def _inside(module: Any, call: Call, graph: Any) -> Found:
    """What the nested graph does with the arguments that follow it."""
    inner, body = _graph(module, graph), Found()
    inputs = [node for node in inner.graph.nodes if node.op == "placeholder"]
    given = [
        item
        for argument in call.node.args
        for item in (argument if isinstance(argument, list | tuple) else (argument,))
    ]
    outer = [item for item in given if is_node(item) and not _graph(module, item)][-len(inputs) or len(given) :]
    pairs = zip(inputs, outer, strict=True) if len(inputs) == len(outer) else ()
    walk(inner, {placeholder for placeholder, source in pairs if source in call.stored}, body)
    return body


class _Names:
    """Names of calls: the module they are in, and the node where a module makes several calls that are layers."""

    def __init__(self, graph: Any) -> None:
        calls = [node for node in graph.nodes if node.op == "call_function"]
        layers = [node for node in calls if takes_products(Call(node, "", set()).kind)]
        self.layers = set(layers)
        self.uses = Counter(_path(node) for node in layers)

    def of(self, node: Any) -> str:
        path = _path(node)
        if not path:
            return node.name
        return path if node in self.layers and self.uses[path] == 1 else f"{path}.{node.name}"


def _path(node: Any) -> str:
    """The innermost module that a call is in, e.g. `layer1.0.conv1`; empty for the outermost module itself."""
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack.values())[-1][0]) if stack else ""
