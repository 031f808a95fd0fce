"""Reads loop-nest text line by line and collects every fault with its place; the grammar is described in `text`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from archloom.architecture.hierarchy import Architecture
from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.mapping.walk import Axis
from archloom.workload.einsum import MAX_BOUND, Workload

__all__ = ["LOOP_WORDS", "PADDING", "Reader", "quote"]

LOOP_WORDS = {"for": Axis.TIME, "spatial-x": Axis.X, "spatial-y": Axis.Y}
LOOP_FORM = "'for m in 0..4', 'spatial-x for m in 0..4' or 'spatial-y for m in 0..4'"
PADDING = "padding"

_BARE = re.compile(r"[^\W\d][\w.\-]*")
_NUMBER = re.compile(r"\d[\d,_]*")
_TOKEN = re.compile(
    r'(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<bracket>[\[\]])|(?P<comment>#.*)|(?P<word>[^\s\[\]"#]+)|(?P<stray>\S)'
)
_RANGE = re.compile(r"0\.\.(\d{1,13})")
_MESH = re.compile(r"(\d{1,9})x(\d{1,9})")


def quote(name: str) -> str:
    """The name as written in loop-nest text: plain, or as a JSON string if it would not read back as one word."""
    if _BARE.fullmatch(name) and name not in LOOP_WORDS and name != PADDING:
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable())


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    column: int
    quoted: bool = False

    def is_word(self, *words: str) -> bool:
        return not self.quoted and self.text in words


def _is_size(token: _Token) -> bool:
    return not token.quoted and _NUMBER.fullmatch(token.text) is not None


@dataclass(slots=True)
class _Block:
    """The block of one level while it is being read; `above` counts the loops in time read before each tensor's holder."""

    level: str
    loops: dict[Axis, list[Loop]] = field(default_factory=lambda: {axis: [] for axis in Axis})
    above: dict[str, int] = field(default_factory=dict[str, int])
    mesh: tuple[int, int] | None = None

    @property
    def has_spatial(self) -> bool:
        return bool(self.loops[Axis.X] or self.loops[Axis.Y])

    def nest(self) -> LevelNest:
        temporal = tuple(self.loops[Axis.TIME])
        cut = {name: len(temporal) - above for name, above in self.above.items() if above}
        keep = frozenset(self.above)
        return LevelNest(
            self.level, temporal, tuple(self.loops[Axis.X]), tuple(self.loops[Axis.Y]), keep, cut, self.mesh
        )


class Reader:
    """Reads line by line, outside to inside, and collects the faults."""

    def __init__(self, workload: Workload, architecture: Architecture, source: str) -> None:
        self.workload = workload
        self.tensors = [tensor.name for tensor in workload.tensors]
        self.order = list(reversed(architecture.names))
        self.compute = architecture.compute.name
        self.source = source
        self.blocks: list[_Block] = []
        self.faults: list[Fault] = []
        self.padding = False
        self.closed = False
        self.line = 0

    def fail(self, at: _Token | int, message: str, hint: str | None = None) -> None:
        column = at.column if isinstance(at, _Token) else at
        self.faults.append(Fault(message, Place(self.source, self.line, column), hint))

    def read(self, number: int, line: str) -> None:
        self.line = number
        tokens = self._tokens(line)
        if not tokens:
            return
        head, end = tokens[0], len(line.rstrip()) + 1
        if self.closed:
            self.fail(head, f"found {head.text!r} after {self.compute!r}; expected nothing inside the compute units")
        elif len(tokens) == 1 and head.is_word(PADDING):
            self.padding = True
        elif head.is_word(*LOOP_WORDS):
            self._loop(tokens, end)
        elif head.text == self.compute and len(tokens) == 1:
            self.closed = True
        elif len(tokens) > 1 and tokens[1].is_word("["):
            self._holder(tokens, end)
        else:
            self._unknown(head, tokens, end)

    def _tokens(self, line: str) -> list[_Token]:
        tokens: list[_Token] = []
        start = len(line) - len(line.lstrip("| \t\r\ufeff"))
        for match in _TOKEN.finditer(line, start):
            column, kind = match.start() + 1, match.lastgroup
            if kind == "stray":
                self.fail(column, "a name in quotes does not end", "expected a closing '\"'")
            elif kind == "quoted":
                tokens.append(_Token(self._unquote(match[0], column), column, quoted=True))
            elif kind != "comment":
                tokens.append(_Token(match[0], column))
        return tokens

    def _unquote(self, text: str, column: int) -> str:
        try:
            return str(json.loads(text))
        except json.JSONDecodeError as error:
            self.fail(column, f"bad name in quotes {text}: {error.msg}", "expected a JSON string")
            return text

    def _unknown(self, head: _Token, tokens: list[_Token], end: int) -> None:
        if head.text in self.order:
            self.fail(
                tokens[1] if len(tokens) > 1 else end,
                f"expected the tensors that {head.text!r} holds",
                "write '[ ]' for none",
            )
        else:
            names = [*self.order, self.compute, *LOOP_WORDS, PADDING]
            self.fail(
                head, f"{head.text!r} is neither a level, a loop nor the compute units", did_you_mean(head.text, names)
            )

    def _loop(self, tokens: list[_Token], end: int) -> None:
        axis = LOOP_WORDS[tokens[0].text]
        words = tokens if axis is Axis.TIME else tokens[1:]
        for at, wanted in enumerate(("'for'", "a dimension", "'in'", "a range like 0..4", None)):
            found = words[at] if at < len(words) else None
            if wanted is None and found is None:
                break
            if wanted is None or found is None or (wanted[0] == "'" and not found.is_word(wanted[1:-1])):
                shown = f"found {found.text!r}" if found else "the line ends"
                self.fail(
                    found or end, f"{shown}; expected {wanted or 'nothing more'}", f"a loop is written {LOOP_FORM}"
                )
                return
        trip = self._trip(words[3])
        if self._dimension(words[1]) and trip and self._fits(words[0], words[1], axis):
            self.blocks[-1].loops[axis].append(Loop(words[1].text, trip))

    def _trip(self, token: _Token) -> int | None:
        match = _RANGE.fullmatch(token.text)
        if match is None or not 1 <= int(match[1]) <= MAX_BOUND:
            self.fail(token, f"{token.text!r} is not a range of iterations", "expected 0..N with N from 1 to 2**40")
            return None
        return int(match[1])

    def _dimension(self, token: _Token) -> bool:
        if token.text in self.workload.bounds:
            return True
        self.fail(
            token,
            f"{token.text!r} is not a dimension of {self.workload.name!r}",
            did_you_mean(token.text, self.workload.dims),
        )
        return False

    def _fits(self, head: _Token, dim: _Token, axis: Axis) -> bool:
        if not self.blocks:
            self.fail(
                head,
                "a loop outside of every level",
                f"expected the outermost level first: '{quote(self.order[0])} [ ... ]'",
            )
            return False
        block = self.blocks[-1]
        if axis is Axis.TIME and block.has_spatial:
            inner = self.order[self.order.index(block.level) + 1 :]
            hint = f"start the level {inner[0]!r} before it" if inner else "write it above the spatial loops"
            self.fail(head, f"a loop in time inside the spatial loops of {block.level!r}", hint)
            return False
        if dim.text in [loop.dim for loop in block.loops[axis]]:
            kind = "in time" if axis is Axis.TIME else f"along {axis.value}"
            self.fail(dim, f"a second loop over {dim.text!r} {kind} at {block.level!r}", "merge the two")
            return False
        return True

    def _holder(self, tokens: list[_Token], end: int) -> None:
        head = tokens[0]
        close = next((at for at, token in enumerate(tokens) if token.is_word("]")), None)
        block = self._open(head)
        if close is None:
            self.fail(end, "the list of tensors does not end", "expected ']'")
            return
        held = self._held(tokens[2:close])
        if block is not None:
            for token in held:
                self._hold(block, token)
            self._mesh(block, tokens[close + 1 :])

    def _open(self, head: _Token) -> _Block | None:
        """The block of the level that `head` names: the one being read (a cut), or a new one further inside."""
        if head.text not in self.order:
            self.fail(head, f"{head.text!r} is not a level", did_you_mean(head.text, self.order))
            return None
        at = self.order.index(head.text)
        last = self.order.index(self.blocks[-1].level) if self.blocks else -1
        if at == last and not self.blocks[-1].has_spatial:
            return self.blocks[-1]
        if at <= last:
            why = "its tiles lie outside its spatial loops" if at == last else f"it lies outside {self.order[last]!r}"
            self.fail(
                head,
                f"the level {head.text!r} again: {why}",
                f"expected the levels in the order {', '.join(self.order)}",
            )
            return None
        for missing in self.order[last + 1 : at]:
            self.fail(
                head,
                f"the level {missing!r} is missing before {head.text!r}",
                f"write '{quote(missing)} [ ]' if it holds nothing",
            )
        self.blocks.append(_Block(head.text))
        return self.blocks[-1]

    def _held(self, tokens: list[_Token]) -> list[_Token]:
        names: list[_Token] = []
        for at, token in enumerate(tokens):
            if at and _is_size(token) and not _is_size(tokens[at - 1]):
                continue
            if token.text in self.tensors or (token.text.rstrip(",") in self.tensors and not token.quoted):
                names.append(token)
            elif not token.is_word(","):
                self.fail(
                    token,
                    f"{token.text!r} is not a tensor of {self.workload.name!r}",
                    did_you_mean(token.text, self.tensors),
                )
        return names

    def _hold(self, block: _Block, token: _Token) -> None:
        name = token.text if token.text in self.tensors else token.text.rstrip(",")
        if name in block.above:
            self.fail(token, f"{name!r} is held at {block.level!r} twice", "expected it once per level")
        else:
            block.above[name] = len(block.loops[Axis.TIME])

    def _mesh(self, block: _Block, tokens: list[_Token]) -> None:
        if not tokens:
            return
        shape = _MESH.fullmatch(tokens[1].text) if len(tokens) == 2 and tokens[0].is_word("mesh") else None
        if shape is None or not (int(shape[1]) and int(shape[2])):
            self.fail(
                tokens[0],
                f"found {tokens[0].text!r} after the tensors",
                "expected nothing, or a shape like 'mesh 8x14'",
            )
        else:
            block.mesh = (int(shape[1]), int(shape[2]))

    def finish(self) -> Mapping:
        """The mapping read; raises InputError if anything was wrong or a level is missing."""
        if not self.faults:
            reached = {block.level for block in self.blocks}
            missing = ", ".join(repr(name) for name in self.order if name not in reached)
            if missing:
                message = (
                    f"the nest ends before {missing}"
                    if reached
                    else f"no loop nest here; expected the levels {missing}"
                )
                self.faults.append(
                    Fault(message, Place(self.source, self.line, 1), "write 'NAME [ ]' for a level that holds nothing")
                )
        if self.faults:
            raise InputError(self.faults)
        return Mapping(tuple(block.nest() for block in reversed(self.blocks)), self.padding)
