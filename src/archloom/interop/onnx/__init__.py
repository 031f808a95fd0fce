"""ONNX models as networks."""

from __future__ import annotations

from archloom.interop.onnx.load import load_onnx

__all__ = ["load_onnx"]
