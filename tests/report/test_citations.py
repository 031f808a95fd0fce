"""BibTeX entries: well-formed, distinct, asked for by topic."""

from __future__ import annotations

import re

import pytest

from archloom.errors import InputError
from archloom.report.citations import REFERENCES, references


def test_entries_are_whole() -> None:
    for reference in REFERENCES:
        entry = reference.bibtex
        assert re.match(r"@(article|inproceedings|misc)\{[a-z0-9]+,\n", entry)
        assert entry.count("{") == entry.count("}")
        names = [name for name, _ in reference.fields]
        assert {"title", "author"} <= set(names)
        if reference.kind != "misc":
            assert {"year", "doi", "pages"} <= set(names)
            assert re.fullmatch(r"10\.\d{4}/\S+", dict(reference.fields)["doi"])
    assert len({reference.key for reference in REFERENCES}) == len(REFERENCES)


def test_topics() -> None:
    assert [reference.topic for reference in references(["Eyeriss", "timeloop"])] == ["timeloop", "eyeriss"]
    assert references() == REFERENCES
    with pytest.raises(InputError, match="there is no reference 'timelop'") as caught:
        references(["timelop", "accelergi"])
    assert [fault.hint for fault in caught.value.faults] == ["did you mean 'timeloop'?", "did you mean 'accelergy'?"]
