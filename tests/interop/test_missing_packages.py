"""Without onnx or torch there is one sentence of advice, and nothing else needs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from archloom.errors import InputError
from archloom.interop.onnx import load_onnx
from archloom.interop.torch import load_torch


def test_onnx_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError) as caught:
        load_onnx(tmp_path / "model.onnx")
    assert str(caught.value) == "reading ONNX models needs the onnx package (pip install 'archloom[onnx]')"


def test_torch_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError) as caught:
        load_torch(object(), [(1, 2)])
    assert str(caught.value) == "reading PyTorch modules needs torch 2.5 or later (pip install torch)"


def test_neither_is_loaded_before_it_is_asked_for() -> None:
    code = (
        "import sys, archloom.interop.torch, archloom.interop.onnx, archloom.spec\n"
        "archloom.spec.load_network('resnet18')\n"
        "assert not {'torch', 'onnx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
