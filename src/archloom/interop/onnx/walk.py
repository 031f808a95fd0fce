"""From an ONNX graph to layers: one pass over the operators in their order, nested graphs included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from archloom.errors import Fault, InputError
from archloom.interop.collect import Found
from archloom.interop.onnx.infer import infer_outputs
from archloom.interop.onnx.lower import lower
from archloom.interop.onnx.scope import Op, Scope, shape_of, tensor_type
from archloom.interop.onnx.skip import skip
from archloom.workload.network import Skipped

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

__all__ = ["walk"]

MAX_DEPTH = 40


def walk(nodes: Iterable[NodeProto], scope: Scope, found: Found, depth: int = 0) -> None:
    """Enter every operator's outputs into `scope`, and its layers into `found`; what is wrong becomes a fault there."""
    made: set[str] = set()
    for node in nodes:
        op = Op(node, scope)
        try:
            # protobuf hands out bytes where the text is damaged
            if not all(
                isinstance(text, str) for text in (node.op_type, node.domain, node.name, *node.input, *node.output)
            ):
                raise InputError("its names are not UTF-8 text")
            if node.op_type in _NESTED and node.domain in ("", "ai.onnx"):
                if depth >= MAX_DEPTH:
                    raise InputError(f"graphs are nested more than {MAX_DEPTH} levels deep")
                _NESTED[node.op_type](op, found, depth + 1)
                continue
            if not any(node.output):
                raise InputError("it has no outputs")
            twice = [name for name in node.output if name and name in (scope.types if depth == 0 else made)]
            if twice:
                raise InputError(f"the name {twice[0]!r} of its output is taken")
            made.update(node.output)
            infer_outputs(op)
            if any(name in scope.stored for name in node.output):
                continue
            parts = lower(op)
            found.add([skip(op)] if parts is None else parts)
        except InputError as error:
            found.faults.extend(
                Fault(f"{op.kind} {op.name!r}: {_without_name(fault, op)}", hint=fault.hint) for fault in error.faults
            )
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # Files are not trusted: an operator may hold anything where a shape or an attribute belongs
            found.faults.append(Fault(f"{op.kind} {op.name!r}: malformed ({type(error).__name__}: {error})"))


def _without_name(fault: Fault, op: Op) -> str:
    return fault.message.removeprefix(f"{op.name}: ")


def _graph(op: Op, name: str) -> GraphProto:
    from onnx import GraphProto

    graph = op.attribute(name)
    if not isinstance(graph, GraphProto):
        raise InputError(f"the attribute {name!r} is missing; expected a graph")
    return graph


def _branch(op: Op, name: str, depth: int) -> tuple[Scope, GraphProto, Found]:
    graph, scope, found = _graph(op, name), op.scope.inner(), Found()
    scope.add_graph(graph)
    walk(graph.node, scope, found, depth)
    return scope, graph, found


def _if(op: Op, found: Found, depth: int) -> None:
    """The branch that a constant takes; else both, which have to compute the same layers."""
    condition = op.scope.constants.get(op.node.input[0]) if op.has(0) else None
    if condition is not None and condition.size == 1:
        scope, graph, taken = _branch(op, "then_branch" if condition.reshape(-1)[0] else "else_branch", depth)
        found.repeat(taken, 1)
        _hand_out(op, scope, [value.name for value in graph.output])
        return
    one, other = _branch(op, "then_branch", depth), _branch(op, "else_branch", depth)
    if not found.repeat_either(one[2], other[2]):
        raise InputError(
            f"its branches compute different layers ({one[2].described()} and {other[2].described()}), and which is taken depends on data; "
            "export the model with a fixed condition"
        )
    for name, first, second in zip(op.node.output, one[1].output, other[1].output, strict=False):
        mine, theirs = one[0].types.get(first.name), other[0].types.get(second.name)
        same = mine is not None and theirs is not None and shape_of(mine) == shape_of(theirs)
        op.scope.types[name] = mine if same and mine is not None else tensor_type(None)
        op.scope.why[name] = f"the branches of If {op.name!r} give it different shapes"


def _loop(op: Op, found: Found, depth: int) -> None:
    """The body, as often as the constant trip count says; without one, a body with layers is a fault."""
    graph, scope, body = _graph(op, "body"), op.scope.inner(), Found()
    scope.add_graph(graph)
    for number, value in enumerate(graph.input):
        outer = op.node.input[number] if 2 <= number < len(op.node.input) else ""
        scope.types[value.name] = tensor_type(()) if number < 2 else op.scope.types.get(outer, tensor_type(None))
    walk(graph.node, scope, body, depth)
    outputs = [value.name for value in graph.output[1:]]
    for value, name in zip(graph.input[2:], outputs, strict=False):
        if scope.known(name) != scope.known(value.name):
            if body.layers:
                raise InputError(
                    f"{name!r} changes its shape from one iteration to the next; export the model unrolled"
                )
            scope.types[name] = tensor_type(None)
    times = _trips(op, scope, graph)
    if times is not None:
        found.repeat(body, times)
    elif body.layers:
        raise InputError(
            f"its body computes {body.described()}, and how often depends on data; export the model with a fixed trip count, or unrolled"
        )
    else:
        found.faults.extend(body.faults)
        found.skipped.append(Skipped(op.name, op.kind, None, "how often it runs depends on data"))
    _hand_out(op, scope, outputs, len(graph.input) - 2, times)


def _trips(op: Op, scope: Scope, graph: GraphProto) -> int | None:
    """How often a loop runs, if that is fixed: a constant trip count, and a condition that stays true."""
    trips = op.scope.constants.get(op.node.input[0]) if op.has(0) else None
    start = op.scope.constants.get(op.node.input[1]) if op.has(1) else None
    if trips is None or trips.size != 1 or (op.has(1) and (start is None or not start.all())):
        return None
    return max(0, int(trips.reshape(-1)[0])) if _goes_on(scope, graph) else None


def _goes_on(scope: Scope, graph: GraphProto) -> bool:
    """Whether the loop's condition never changes: passed through, or constantly true."""
    if not graph.output or len(graph.input) < 2:
        return False
    name = graph.output[0].name
    identities = {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type in ("Identity", "Cast") and node.input and node.output
    }
    while name in identities:
        name = identities.pop(name)
    value = scope.constants.get(name)
    return name == graph.input[1].name or (value is not None and bool(value.all()))


def _scan(op: Op, found: Found, depth: int) -> None:
    """The body, once for each slice of the scanned inputs."""
    graph, scope, body = _graph(op, "body"), op.scope.inner(), Found()
    scope.add_graph(graph)
    scanned = op.integer("num_scan_inputs", 0)
    states = len(op.node.input) - scanned
    if not 0 < scanned <= len(op.node.input) or op.scope.opsets.get("", 1) < 9:
        raise InputError("this form of Scan is not read; expected that of opset 9 and later")
    axes = op.integers("scan_input_axes", [0] * scanned)
    times: int | None = None
    for number, value in enumerate(graph.input[: len(op.node.input)]):
        if number < states:
            scope.types[value.name] = op.scope.types.get(op.node.input[number], tensor_type(None))
            continue
        shape, axis = list(op.shape(number)), axes[number - states] if number - states < len(axes) else 0
        if not -len(shape) <= axis < len(shape):
            raise InputError(f"the scan axis {axis} of an operand with {len(shape)} axes")
        times = shape.pop(axis)
        scope.types[value.name] = tensor_type(shape, op.scope.types[op.node.input[number]].tensor_type.elem_type)
    walk(graph.node, scope, body, depth)
    found.repeat(body, times or 0)
    _hand_out(op, scope, [value.name for value in graph.output], states, times)


def _hand_out(op: Op, scope: Scope, inner: list[str], carried: int | None = None, times: int | None = None) -> None:
    """Give the outputs of a nested graph to the outer one; beyond the carried ones they are stacked, one slice per iteration."""
    for number, (name, source) in enumerate(zip(op.node.output, inner, strict=False)):
        kind = scope.types.get(source, tensor_type(None))
        if carried is not None and number >= carried:
            shape = shape_of(kind)
            kind = tensor_type(None if shape is None else (times, *shape), kind.tensor_type.elem_type or 1)
        elif carried is None and source in scope.stored:
            op.scope.stored.add(name)
            if source in scope.constants:
                op.scope.constants[name] = scope.constants[source]
        op.scope.types[name] = kind
        op.scope.why[name] = scope.why.get(source, f"{op.kind} {op.name!r} decides it while running")


_NESTED = {"If": _if, "Loop": _loop, "Scan": _scan}
