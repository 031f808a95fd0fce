"""The mapping file of MAESTRO read into a network: its grammar, and its errors with what MAESTRO does there."""

from __future__ import annotations

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.interop.maestro.network import LAYER_TYPES, Cluster, Dimension, Directive, Layer, LayerType, Map, Network
from archloom.interop.maestro.tokens import Word, words_of

__all__ = ["PARSE_ERROR", "parse_mapping"]

PARSE_ERROR = "MAESTRO stops here with exit code 255"
WITHOUT_LAYER = ("FC", "LSTM", "POOL")
"""Types that MAESTRO knows by name and cannot price: they make no layer."""

LARGEST = 2**31 - 1
BLOCKS = ("Type", "Stride", "Dimensions", "Dataflow")


def parse_mapping(text: str, source: str = "<mapping>") -> Network:
    """Read a mapping file: constants, networks, layers, dimensions and directives.

    Words that MAESTRO skips between the networks are skipped. Raises InputError at file:line:column.
    """
    return Parser(text, source).network()


def refuse(word: Word, message: str, hint: str = PARSE_ERROR) -> InputError:
    return InputError(Fault(message, word.place, hint))


class Parser:
    """One pass over the words of a file; `constants` holds what has been defined so far."""

    def __init__(self, text: str, source: str) -> None:
        self.words = words_of(text, source)
        self.at = 0
        self.constants: dict[str, int] = {}

    @property
    def word(self) -> Word:
        return self.words[self.at]

    def next(self) -> Word:
        word = self.words[self.at]
        self.at = min(self.at + 1, len(self.words) - 1)
        return word

    def expect(self, text: str, after: str) -> Word:
        word = self.next()
        if word.text != text:
            raise refuse(word, f"expected {text!r} after {after}, found {word.shown}")
        return word

    def optional_name(self) -> str:
        """Read up to the brace: of a name that separators cut in two (`Conv2d-1`) MAESTRO keeps the last word."""
        name = ""
        while self.word.text not in ("{", "}", ""):
            name = self.next().text
        return name

    def network(self) -> Network:
        """Read file := { "Constant" NAME INT | "Network" [NAME] "{" layer* "}" | any other word }."""
        name, layers = "", list[Layer]()
        while self.word.text:
            word = self.next()
            if word.text == "Constant":
                self.constant()
            elif word.text == "Network":
                name = self.optional_name()
                self.expect("{", "the name of the network")
                while self.word.text != "}":
                    layers.append(self.layer())
                self.next()
        if not layers:
            raise refuse(self.word, "the file has no layer", "expected Network NAME { Layer NAME { ... } }")
        return Network(name, tuple(layers))

    def constant(self) -> None:
        """Read "Constant" NAME INT."""
        name = self.next()
        if not name.text or name.text in "{}":
            raise refuse(name, f"expected a name after Constant, found {name.shown}")
        value = self.integer(self.next(), f"the constant {name.text}", least=0)
        if self.constants.setdefault(name.text, value) != value:
            raise refuse(name, f"the constant {name.text} is given twice, with different values", "keep one of them")

    def integer(self, word: Word, what: str, *, least: int = 1) -> int:
        """Read INT, at least `least`, within the 32 bits that MAESTRO keeps sizes in."""
        if not (word.text.isascii() and word.text.isdigit()):
            raise refuse(word, f"expected a whole number for {what}, found {word.shown}")
        value = int(word.text) if len(word.text) < 12 else LARGEST + 1
        if value < least:
            raise refuse(word, f"{what} is {value}, expected at least {least}")
        if value > LARGEST:
            raise refuse(word, f"{what} is {word.text}, which MAESTRO's 32 bits cannot hold", f"at most {LARGEST}")
        return value

    def number(self, what: str) -> int:
        """Read INT or the name of a constant."""
        word = self.next()
        if word.text in self.constants:
            if self.constants[word.text] < 1:
                raise refuse(word, f"{what} is 0 (the constant {word.text}), expected at least 1")
            return self.constants[word.text]
        if word.text and not word.text[0].isdigit() and word.text not in "{}":
            known = did_you_mean(word.text, self.constants) if self.constants else "no constant is defined here"
            raise refuse(
                word, f"expected a number or a constant for {what}, found {word.shown}", f"{known}; {PARSE_ERROR}"
            )
        return self.integer(word, what)

    def layer(self) -> Layer:
        """Read "Layer" [NAME] "{" Type [Stride] Dimensions [Dataflow] "}"."""
        start = self.next()
        if start.text != "Layer":
            raise refuse(start, f"expected Layer or }} in the network, found {start.shown}")
        name = self.optional_name() or "Layer"
        self.expect("{", f"the name of the layer {name}")
        kind: LayerType | None = None
        strides: dict[str, int] = {}
        dimensions: tuple[Dimension, ...] = ()
        dataflow: tuple[Directive | Cluster, ...] | None = None
        while self.word.text != "}":
            block = self.next()
            if block.text not in BLOCKS:
                valid = did_you_mean(block.text, BLOCKS)
                raise refuse(block, f"unknown part of the layer {name}: {block.shown}", f"{valid}; {PARSE_ERROR}")
            if block.text != "Type" and kind is None:
                raise refuse(
                    block,
                    f"{block.text} stands before the Type of the layer {name}",
                    f"Type comes first; {PARSE_ERROR}",
                )
            if block.text == "Type":
                kind = self.type_of(name)
            elif block.text == "Stride":
                if dimensions:
                    raise refuse(block, "Stride stands after Dimensions", f"it has to come before; {PARSE_ERROR}")
                strides |= self.strides()
            elif block.text == "Dimensions":
                dimensions += self.dimensions(strides)
            else:
                dataflow = self.dataflow(dimensions)
        end = self.next()
        if kind is None:
            raise refuse(end, f"the layer {name} has no Type", f"one of {', '.join(LAYER_TYPES)}; {PARSE_ERROR}")
        return Layer(name, kind, dimensions, dataflow, start.place)

    def type_of(self, layer: str) -> LayerType:
        word = self.next()
        if word.text in LAYER_TYPES:
            return LAYER_TYPES[word.text]
        if word.text in WITHOUT_LAYER:
            advice = "write a fully connected layer as a CONV with R, S, Y and X of 1, or as a GEMM"
            hint = f"{advice}; MAESTRO makes no layer of it and stops at the closing brace with exit code 255"
            raise refuse(word, f"the layer {layer} is of type {word.text}, which MAESTRO cannot price", hint)
        valid = did_you_mean(word.text, LAYER_TYPES)
        raise refuse(word, f"unknown type of layer: {word.shown}", f"{valid}; {PARSE_ERROR}")

    def name_in_block(self, block: str) -> Word:
        word = self.next()
        if word.text in ("{", ""):
            raise refuse(word, f"expected a dimension or }} in {block}, found {word.shown}")
        return word

    def strides(self) -> dict[str, int]:
        """Read "{" { DIM INT } "}"; MAESTRO heeds only those of X and Y."""
        self.expect("{", "Stride")
        found: dict[str, int] = {}
        while self.word.text != "}":
            name = self.name_in_block("Stride").text
            found.setdefault(name, self.number(f"the stride of {name}"))
        self.next()
        return found

    def dimensions(self, strides: dict[str, int]) -> tuple[Dimension, ...]:
        """Read "{" { DIM SIZE } "}"."""
        self.expect("{", "Dimensions")
        found: list[Dimension] = []
        while self.word.text != "}":
            name = self.name_in_block("Dimensions")
            size = self.number(f"the dimension {name.text}")
            found.append(Dimension(name.text, size, strides.get(name.text, 1), name.place))
        self.next()
        return tuple(found)

    def dataflow(self, dimensions: tuple[Dimension, ...]) -> tuple[Directive | Cluster, ...]:
        """Read "{" { map | cluster } "}"."""
        sizes: dict[str, int] = {}
        for dimension in dimensions:
            sizes.setdefault(dimension.name, dimension.size)
        self.expect("{", "Dataflow")
        found: list[Directive | Cluster] = []
        while self.word.text != "}":
            word = self.next()
            if word.text == "Cluster":
                found.append(self.cluster(word.place, sizes))
            elif word.text in (Map.TEMPORAL.value, Map.SPATIAL.value):
                found.append(self.directive(Map(word.text), word.place, sizes))
            else:
                valid = did_you_mean(word.text, [Map.TEMPORAL.value, Map.SPATIAL.value, "Cluster"])
                raise refuse(
                    word, f"expected a directive, found {word.shown}", f"{valid}; MAESTRO crashes here or later"
                )
        self.next()
        return tuple(found)

    def size(self, what: str, sizes: dict[str, int]) -> int:
        """Read INT, a constant, or Sz(DIM) of a dimension that this layer has declared."""
        if self.word.text != "Sz":
            return self.number(what)
        self.next()
        name = self.next()
        if name.text not in sizes:
            valid = did_you_mean(name.text, sizes)
            raise refuse(
                name, f"Sz of a dimension that the layer does not declare: {name.shown}", f"{valid}; {PARSE_ERROR}"
            )
        return sizes[name.text]

    def cluster(self, place: Place, sizes: dict[str, int]) -> Cluster:
        """Read "Cluster" "(" num "," ("P" | "L") ")": the kind changes nothing."""
        size = self.size("the size of the cluster", sizes)
        kind = self.next()
        if kind.text not in ("P", "L"):
            raise refuse(kind, f"expected P or L in Cluster, found {kind.shown}", "MAESTRO crashes here or later")
        return Cluster(size, place)

    def directive(self, kind: Map, place: Place, sizes: dict[str, int]) -> Directive:
        """Read ("TemporalMap" | "SpatialMap") "(" num "," num ")" DIM."""
        size = self.size(f"the size in {kind.value}", sizes)
        offset = self.size(f"the offset in {kind.value}", sizes)
        variable = self.next()
        if not variable.text or variable.text in "{}":
            raise refuse(variable, f"expected a dimension after {kind.value}, found {variable.shown}")
        return Directive(kind, size, offset, variable.text, place)
