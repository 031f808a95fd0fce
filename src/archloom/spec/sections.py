"""One section of a YAML text, for objects that are already there."""

from __future__ import annotations

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError, Place
from archloom.mapping.nest import Mapping
from archloom.spec.architecture_section import read_variables
from archloom.spec.document import parse
from archloom.spec.fields import Scope
from archloom.spec.mapping_section import read_mapping
from archloom.spec.values import YamlMap
from archloom.workload.einsum import Workload

__all__ = ["mapping_from_yaml"]


def mapping_from_yaml(text: str, workload: Workload, architecture: Architecture, *, source: str = "text") -> Mapping:
    """The `mapping` section of a YAML text, read for this workload and architecture; other sections are left alone.

    `source` names the text in messages. Raises InputError with all faults.
    """
    document = parse(text, source)
    if not isinstance(document, YamlMap) or "mapping" not in document:
        raise InputError("there is no section 'mapping'", Place(source))
    scope = outer = Scope()
    if "variables" in document:
        scope = read_variables(document["variables"], document.value_places["variables"], scope)
    mapping = read_mapping(document["mapping"], document.value_places["mapping"], scope, workload, architecture)
    outer.check()
    assert mapping is not None
    return mapping
