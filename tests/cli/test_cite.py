"""`archloom cite`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Archloom = Callable[..., Any]


def test_everything_or_what_is_asked_for(archloom: Archloom) -> None:
    whole = archloom("cite")
    assert (whole.code, whole.err) == (0, "")
    assert whole.out.count("\n@") == whole.out.count("% ") == 9
    some = archloom("cite", "Timeloop", "eyeriss")
    assert some.out.startswith("% timeloop: the cost model")
    assert "10.1109/ISPASS.2019.00042" in some.out
    assert "10.1109/JSSC.2016.2616357" in some.out
    assert some.out.count("@") == 2


def test_an_unknown_topic(archloom: Archloom) -> None:
    done = archloom("cite", "timelop")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: there is no reference 'timelop' (did you mean 'timeloop'?)\n"
