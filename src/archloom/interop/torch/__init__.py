"""PyTorch modules as networks."""

from __future__ import annotations

from archloom.interop.torch.load import load_torch

__all__ = ["load_torch"]
