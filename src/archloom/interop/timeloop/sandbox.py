"""A Jinja2 sandbox in which templates can only call given functions, and loops, texts, lists and numbers stay small."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["MAX_STEPS", "MAX_STRING", "sandbox"]

MAX_STEPS = 100_000
MAX_STRING = 100_000
MAX_ITEMS = 10_000
MAX_BITS = 1024

_FILTERS = ("count", "d", "default", "first", "float", "int", "last", "length", "list")
_TEXT_METHODS = frozenset(
    {"endswith", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip", "startswith", "strip", "upper"}
)
_MAP_METHODS = frozenset({"get", "items", "keys", "values"})
_UNSUPPORTED = frozenset(
    {
        "AssignBlock",
        "Block",
        "CallBlock",
        "EvalContextModifier",
        "Extends",
        "FilterBlock",
        "FromImport",
        "Import",
        "Include",
        "Macro",
        "ScopedEvalContextModifier",
    }
)


def sandbox(functions: Mapping[str, Callable[..., object]], step: Callable[[], None]) -> Environment:
    """An environment in which `functions` are all that can be called; `step` is called once per iteration of a loop.

    Texts stay below 100,000 characters, lists below 10,000 values (nested ones counted), integers below 2**1024. Macros, blocks
    and imports are refused. What it cannot bound, it refuses: a template can waste neither time nor memory.
    """
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    allowed = {id(function) for function in functions.values()}

    def each(items: Any) -> Iterator[Any]:
        for item in items:
            step()
            yield item

    class Bounded(SandboxedEnvironment):
        intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
        archloom_each = staticmethod(each)
        archloom_join = staticmethod(_join)
        archloom_few = staticmethod(_few)

        def _parse(self, source: str, name: str | None, filename: str | None) -> Any:
            return _bounder().visit(super()._parse(source, name, filename))

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            return _arithmetic(
                operator, left, right, lambda: super(Bounded, self).call_binop(context, operator, left, right)
            )

        def is_safe_callable(self, obj: Any) -> bool:
            owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
            if isinstance(owner, str):
                return name in _TEXT_METHODS
            if isinstance(owner, dict):
                return name in _MAP_METHODS
            return id(obj) in allowed or obj is each or obj is _join or obj is _few

    environment = Bounded(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        cache_size=0,
        keep_trailing_newline=True,
        optimized=False,
        finalize=_printed,
    )
    texts = {"lower": str.lower, "trim": str.strip, "upper": str.upper}
    environment.filters = {name: environment.filters[name] for name in _FILTERS} | texts
    environment.globals = dict(functions)
    return environment


def _bounder() -> Any:
    """Sends loops through `each`, `~` through `join` and lists through `few`, and refuses what is not needed."""
    import jinja2
    from jinja2 import nodes
    from jinja2.visitor import NodeTransformer

    def call(name: str, arguments: list[Any], node: Any) -> Any:
        return nodes.Call(nodes.EnvironmentAttribute(f"archloom_{name}"), arguments, [], None, None, lineno=node.lineno)

    class Bounder(NodeTransformer):
        def visit_For(self, node: Any) -> Any:  # noqa: N802 (jinja2 names these methods)
            self.generic_visit(node)
            if node.recursive:
                raise jinja2.TemplateSyntaxError("recursive loops are not supported in Timeloop files", node.lineno)
            node.iter = call("each", [node.iter], node)
            return node

        def visit_Concat(self, node: Any) -> Any:  # noqa: N802
            self.generic_visit(node)
            return call("join", node.nodes, node)

        def visit_List(self, node: Any) -> Any:  # noqa: N802
            self.generic_visit(node)
            return call("few", [node], node)

        def visit_Dict(self, node: Any) -> Any:  # noqa: N802
            return self.visit_List(node)

        def visit_Tuple(self, node: Any) -> Any:  # noqa: N802
            return self.visit_List(node) if node.ctx == "load" else node

        def generic_visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
            kind = type(node).__name__
            if kind in _UNSUPPORTED:
                raise jinja2.TemplateSyntaxError(f"{kind.lower()} is not supported in Timeloop files", node.lineno)
            return super().generic_visit(node, *args, **kwargs)

    return Bounder()


def _few(value: Any) -> Any:
    """A list or mapping of few values, those of the ones inside it counted."""
    budget = MAX_ITEMS
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        budget -= 1
        if budget < 0:
            raise ValueError(f"a list of more than {MAX_ITEMS:,} values")
        if isinstance(item, dict):
            stack += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            stack += item
    return value


def _printed(value: Any) -> Any:
    """A value as it is printed: text, numbers, and small lists of them."""
    import jinja2

    if value is None or isinstance(value, str | int | float | jinja2.Undefined):
        return _short(value) if isinstance(value, str) else value
    if isinstance(value, list | tuple | dict):
        return _short(str(_few(value)))
    raise TypeError(f"a {type(value).__name__} cannot be printed")


def _join(*parts: object) -> str:
    texts = [str(_printed(part)) for part in parts]
    return _short("".join(texts) if sum(len(text) for text in texts) <= MAX_STRING else None)


def _short(text: str | None) -> str:
    if text is None or len(text) > MAX_STRING:
        raise ValueError(f"a text of more than {MAX_STRING:,} characters")
    return text


def _arithmetic(operator: str, left: Any, right: Any, compute: Callable[[], Any]) -> Any:
    """Numbers, and short texts put together with `+`; nothing else."""
    if isinstance(left, str) and isinstance(right, str) and operator == "+":
        return _short(left + right if len(left) + len(right) <= MAX_STRING else None)
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise TypeError(f"{operator!r} works on numbers only")
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * abs(right) if operator == "**" else left.bit_length() + right.bit_length()
        if bits > 2 * MAX_BITS:
            raise OverflowError("the number is too large")
    return compute()
