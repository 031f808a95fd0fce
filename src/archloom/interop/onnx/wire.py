"""The bytes of an ONNX file without its weights: the protobuf wire format is walked, and large tensors lose their data.

A file of any size is read through a memory map; what is skipped is never touched, and the 2 GiB limit of protobuf messages does
not matter. The field numbers are those of `onnx.proto` (ONNX 1.x).
"""

from __future__ import annotations

from dataclasses import dataclass
from mmap import mmap

__all__ = ["NotOnnx", "without_weights"]

SMALL = 4096
"""Messages of up to so many bytes stay as they are; the shapes that a graph computes with are far smaller."""

MAX_KEPT = 256 * 2**20
MAX_FIELDS = 20_000_000
MAX_DEPTH = 60

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_MODEL_FIELDS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})

_NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Which fields of a message hold messages that may hold tensors."""

_DROPPED: dict[str, frozenset[int]] = {
    "model": frozenset({20}),  # training information
    "node": frozenset({6}),  # documentation, often a stack trace
    "tensor": frozenset({4, 5, 6, 7, 9, 10, 11}),  # the data, in any of its forms
}

_EXTERNAL = b"\x70\x01"
"""`data_location: EXTERNAL`, which says that the data is elsewhere."""


class NotOnnx(ValueError):  # noqa: N818
    """The bytes are not an ONNX model; the message says why, and where."""


def without_weights(data: bytes | mmap) -> bytes:
    """Return the ONNX model in `data` without the data of its tensors above 4 KiB; raises NotOnnx.

    Memory: the result only, at most 256 MiB.
    """
    walker = _Walker(memoryview(data))
    chunks: list[memoryview | bytes] = []
    try:
        walker.message("model", 0, len(data), 0, chunks)
        return b"".join(chunks)
    finally:
        # Slices of a memory map must be gone before it can be closed
        for chunk in chunks:
            if isinstance(chunk, memoryview):
                chunk.release()
        walker.data.release()


@dataclass
class _Walker:
    data: memoryview
    kept: int = 0
    fields: int = 0

    def message(self, kind: str, at: int, end: int, depth: int, chunks: list[memoryview | bytes]) -> int:
        """Append the bytes of a message to `chunks`, with what is dropped left out, and return how many they are."""
        if depth > MAX_DEPTH:
            raise NotOnnx(f"graphs are nested more than {MAX_DEPTH} levels deep")
        nested, dropped = _NESTED[kind], _DROPPED.get(kind, frozenset[int]())
        size, run = 0, at
        while at < end:
            start = at
            number, wire, at = self._tag(at, end)
            if kind == "model" and number not in _MODEL_FIELDS:
                raise NotOnnx(f"the field {number} at byte {start} is none of an ONNX model")
            body, at = self._skip(wire, at, end, start)
            inner = nested.get(number)
            if number in dropped or (inner is not None and wire == _BYTES and at - body > SMALL):
                size += self._keep(run, start, chunks)
                run = at
                if number not in dropped and inner is not None:
                    size += self._descend(number, inner, body, at, depth, chunks)
        size += self._keep(run, end, chunks)
        if kind == "tensor":
            chunks.append(_EXTERNAL)
            size += len(_EXTERNAL)
        return size

    def _descend(self, number: int, kind: str, at: int, end: int, depth: int, chunks: list[memoryview | bytes]) -> int:
        chunks.append(b"")
        header = len(chunks) - 1
        size = self.message(kind, at, end, depth + 1, chunks)
        chunks[header] = _varint(number << 3 | _BYTES) + _varint(size)
        return size + len(chunks[header])

    def _keep(self, start: int, end: int, chunks: list[memoryview | bytes]) -> int:
        if end > start:
            chunks.append(self.data[start:end])
            self.kept += end - start
            if self.kept > MAX_KEPT:
                raise NotOnnx(f"the graph takes more than {MAX_KEPT // 2**20} MiB without its weights")
        return end - start

    def _tag(self, at: int, end: int) -> tuple[int, int, int]:
        self.fields += 1
        if self.fields > MAX_FIELDS:
            raise NotOnnx(f"more than {MAX_FIELDS:,} fields")
        tag, after = self._read_varint(at, end)
        if tag >> 3 == 0:
            raise NotOnnx(f"byte {at} starts no field of a protobuf message")
        return tag >> 3, tag & 7, after

    def _skip(self, wire: int, at: int, end: int, start: int) -> tuple[int, int]:
        """Where the value of a field starts and ends."""
        body = at
        if wire == _VARINT:
            at = self._read_varint(at, end)[1]
        elif wire == _BYTES:
            length, body = self._read_varint(at, end)
            at = body + length
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        else:
            raise NotOnnx(f"byte {start} starts no field of a protobuf message")
        if at > end:
            raise NotOnnx(
                f"the field at byte {start} ends {at - end:,} bytes after its message: the file is damaged or cut off"
            )
        return body, at

    def _read_varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        data = self.data
        start = at
        while at < end and shift < 70:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
            shift += 7
        raise NotOnnx(f"the number at byte {start} does not end: the file is damaged or cut off")


def _varint(value: int) -> bytes:
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)
