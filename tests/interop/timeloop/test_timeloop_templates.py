"""Jinja2 in Timeloop files: the helpers, confinement to the given folders, and bounds on what a template can do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from archloom.errors import InputError
from archloom.interop.timeloop import load, load_problem
from archloom.interop.timeloop.templates import Renderer, has_jinja
from archloom.spec.document import YamlMap

LAYER = """
problem:
  shape: gemm-ABZ
  instance: {M: 2, N: 3, K: 4}
"""


def rendered(text: str, folder: Path | None = None, variables: Mapping[str, object] | None = None) -> Any:
    folders = [] if folder is None else [folder.resolve()]
    return Renderer(variables or {}, folders, frozenset()).document(text, "<t>", folder)


def refused(text: str, folder: Path | None = None, variables: Mapping[str, object] | None = None) -> str:
    before = time.process_time()
    with pytest.raises(InputError) as caught:
        rendered(text, folder, variables)
    assert time.process_time() - before < 2
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "designs"
    for name, text in {
        "layers/one.yaml": LAYER,
        "layers/base.yaml": "base_ignore: &base\n  shape: gemm-ABZ\n  instance: {M: 1, N: 1, K: 1}\n",
        "layers/two.yaml": "{{include_text('base.yaml')}}\nproblem:\n  <<<: *base\n  instance: {M: 7}\n",
        "parts/a.yaml": "parts:\n  classes:\n  - {name: a}\n",
        "parts/b.yaml": "parts:\n  classes:\n  - {name: b}\n",
        "main.yaml": "x: {{ 1 + 1 }}\n",
    }.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (tmp_path / "secret.yaml").write_text("secret: 42\n", "utf-8")
    return top


@pytest.mark.parametrize(
    ("text", "found"), [("a: 1", False), ("a: {b: {c: 1}}", False), ("a: {{x}}", True), ("{% if 1 %}", True)]
)
def test_what_is_a_template(text: str, found: bool) -> None:
    assert has_jinja(text) is found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x: {{ size * 2 + 1 }}", 9),
        ("x: {{ 2 ** 10 // 3 % 100 }}", 41),
        ("x: {{ name ~ '/' ~ size }}", "abc/4"),
        ("x: {{ name + 'd' }}", "abcd"),
        ("x: {{ missing | default(7) }}", 7),
        ("x: {{ name.upper() }}{{ name | upper }}", "ABCABC"),
        ("x: {% if size > 3 and name is defined %}big{% else %}small{% endif %}", "big"),
        ("x: [{% for i in range(size) %}{{ i }}, {% endfor %}]", [0, 1, 2, 3]),
        ("x: {{ [1, 2] }}", [1, 2]),
        ("{% set y = size - 1 %}x: {{ y }}", 3),
        ("x: {{ table.get('k') }}{# a comment #}", 5),
        ("x: [{% for k, v in table.items() %}{{ k }}, {{ v }}{% endfor %}]", ["k", 5]),
        ("x: {{ true and not false }}", True),
        ("x: {{ setenv('A', 1) }}1", 1),
        ("x: {{ table.k }}", 5),
        ("x: {{ name[0] ~ name[-1] }}", "ac"),
        ("x: {% raw %}'{{ x }}'{% endraw %}", "{{ x }}"),
    ],
)
def test_expressions(text: str, value: object) -> None:
    found = rendered(text, variables={"size": 4, "name": "abc", "table": {"k": 5}})["x"]
    assert found == value or str(found) == value


def test_include(folder: Path) -> None:
    found = rendered("a: {{ include('layers/one.yaml', 'problem.instance') }}\nb: {{include('main.yaml')}}\n", folder)
    assert found == {"a": {"M": 2, "N": 3, "K": 4}, "b": {"x": 2}}
    assert isinstance(found["a"], YamlMap)
    assert found["a"].place.source.endswith("one.yaml")


def test_include_all(folder: Path) -> None:
    found = rendered(
        "a: {{ include_all('parts/*.yaml', 'parts.classes') }}\nb: {{ include_all('parts/*.yaml') }}\n", folder
    )
    assert found["a"] == [{"name": "a"}, {"name": "b"}]
    assert found["b"] == {"parts": {"classes": [{"name": "b"}]}}


def test_include_text_with_anchors(folder: Path) -> None:
    found = rendered("p: {{ include('layers/two.yaml', 'problem') }}\n", folder)
    assert found["p"] == {"shape": "gemm-ABZ", "instance": {"M": 7, "N": 1, "K": 1}}


def test_paths(folder: Path) -> None:
    text = """
a: {{ path_exists('layers/one.yaml') }}
b: {{ path_exists('layers/three.yaml') }}
c: {{ path_exists(cwd() ~ '/main.yaml') }}
d: {{ path_exists('../secret.yaml') }}
{{ add_to_path('layers') }}
e: {{ include('one.yaml', 'problem.shape') }}
f: {{ find_path('one.yaml') }}
g: {{ find('one.yaml') }}
h: {{ find_paths('parts/*.yaml') }}
"""
    found = rendered(text, folder)
    assert [found[key] for key in "abcd"] == [True, False, True, False]
    assert found["e"] == "gemm-ABZ"
    assert found["f"] == found["g"] == str(folder / "layers" / "one.yaml")
    assert len(found["h"]) == 2


def test_layers_are_loaded_with_the_folder_of_their_base(folder: Path) -> None:
    assert load_problem(folder / "layers" / "two.yaml").bounds == {"M": 7, "N": 1, "K": 1}


def test_folders_open_more(folder: Path) -> None:
    file = folder / "parts" / "layer.yaml"
    file.write_text("problem: {{ include('../layers/one.yaml', 'problem') }}\n", "utf-8")
    with pytest.raises(InputError, match=r"lies outside the folders of the files given \(give a file of that folder"):
        load_problem(file)
    assert load_problem(file, folders=[folder / "layers"]).macs == 24
    assert load_problem(file, folder / "layers" / "base.yaml").macs == 24


@pytest.mark.parametrize(
    "path",
    [
        "../secret.yaml",
        "layers/../../secret.yaml",
        "{outside}/secret.yaml",
        "link.yaml",
        "linked/secret.yaml",
        "../*.yaml",
        "link*",
        "/etc/passwd",
        "../../../../../../../../etc/passwd",
    ],
)
@pytest.mark.parametrize("function", ["include", "include_all", "include_text", "find_path", "add_to_path"])
def test_nothing_outside_is_reached(folder: Path, path: str, function: str) -> None:
    (folder / "link.yaml").symlink_to(folder.parent / "secret.yaml")
    (folder / "linked").symlink_to(folder.parent, target_is_directory=True)
    where = path.format(outside=folder.parent)
    assert f"{where!r} lies outside the folders of the files given" in refused(
        f"a: {{{{ {function}('{where}') }}}}", folder
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: {{ include('none.yaml') }}", "<t>: cannot find the file 'none.yaml' (looked in "),
        ("a: {{ include('layers/*.yaml') }}", "names 3 files; include_all() takes several"),
        ("a: {{ include('layers/one.yaml', 'problem.foo') }}", "there is no 'problem.foo' to include"),
        ("a: {{ include('main.yaml\0') }}", "is not a path to include"),
        ("a: {{ include(3) }}", "'3' is not a path to include"),
        ("a: {{ include('**/*.yaml') }}", "is not a path to include"),
        ("a: {{ include('layers') }}", "is a folder; expected a file"),
        (
            "a: 1\nb: {{ missing }}\n",
            "<t>:2:1: in the template: 'missing' is undefined (give it to load(..., variables",
        ),
        ("a: 1\nb: {{ 1 + }}\n", "<t>:2:1: not valid Jinja2: "),
        ("a: {% if 1 %}", "not valid Jinja2: Unexpected end of template"),
        ("a: {{ 1 / 0 }}", "<t>:1:1: in the template: division by zero"),
        ("a: {{ x.", "not valid Jinja2"),
        ("a: {{ [ }}", "not valid Jinja2"),
        ("a: {{ cwd }}", "a method cannot be printed"),
    ],
)
def test_messages(folder: Path, text: str, expected: str) -> None:
    assert expected in refused(text, folder)


def test_texts_have_no_folder() -> None:
    with pytest.raises(InputError, match=r"a text has no folder to include files from"):
        load("a: {{ include('x.yaml') }}\n\n")


def test_files_that_include_each_other(folder: Path) -> None:
    (folder / "loop.yaml").write_text("a: {{ include('loop.yaml') }}\n", "utf-8")
    assert "files include each other more than 20 levels deep" in refused("a: {{ include('loop.yaml') }}\n", folder)
    (folder / "tree.yaml").write_text("a: {{ include('tree.yaml') }}\nb: {{ include('tree.yaml') }}\n", "utf-8")
    refused("a: {{ include('tree.yaml') }}\n", folder)
    (folder / "flat.yaml").write_text("{{ '' }}a: 1\n", "utf-8")
    many = "{% for i in range(2000) %}{{ include_text('flat.yaml') }}{% endfor %}"
    assert "more than 1000 files are included" in refused(many, folder)


HOSTILE = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cwd.__globals__ }}",
    "{{ cwd.__func__.__globals__ }}",
    "{{ cwd.__self__ }}",
    "{{ include.__init__ }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ lipsum(n=100000000) }}",
    "{{ cycler('a').next() }}",
    "{{ namespace(a=1) }}",
    "{{ dict(a=1) }}",
    "{{ open('/etc/passwd') }}",
    "{{ 'a'.format(1) }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ 'a'.join(['b']) }}",
    "{{ 'a'.replace('a', 'b') }}",
    "{{ 'a'.center(1000000000) }}",
    "{{ 'a' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 10 ** 100 ** 10 }}",
    "{{ 2 ** 100000000 }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ 'a' | indent(1000000000) }}",
    "{{ 1.5 | round(1000000000) }}",
    "{{ range(1000000000) | list }}",
    "{{ range(1000000000) | length }}",
    "{% for i in range(1000000000) %}{% endfor %}",
    "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}",
    "{% for i in range(9999) recursive %}{{ loop(range(9999)) }}{% endfor %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% call f() %}{% endcall %}",
    "{% set x %}{% for i in range(99999) %}aaaaaaaaaaaaaaaa{% endfor %}{% endset %}",
    "{% filter upper %}{% endfilter %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import path %}",
    "{% extends 'x' %}",
    "{% block a %}{% endblock %}",
    "{% autoescape true %}{% endautoescape %}",
    "{% do 1 %}",
    "{% set x = 'aaaaaaaa' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
    "{% set x = 'aaaaaaaa' %}" + "{% set x = x + x %}" * 40 + "{{ x }}",
    "{% set x = [1] %}" + "{% set x = [x, x] %}" * 60 + "{{ x }}",
    "{% set x = (1,) %}" + "{% set x = (x, x) %}" * 60 + "{{ x ~ 'a' }}",
    "{% set x = {1: 2} %}" + "{% set x = {1: x, 2: x} %}" * 60 + "{{ x | string }}",
    "{% set x = [1] %}{% set y = [1] %}" + "{% set x = [x, x] %}{% set y = [y, y] %}" * 40 + "{{ x == y }}",
    "{% set x = 3 %}" + "{% set x = x * x %}" * 40 + "{{ x }}",
    "{% for i in range(99999) %}" + "a" * 1000 + "{% endfor %}",
    "{{" + "(" * 5000 + "1" + ")" * 5000 + "}}",
    "{{ " + "-" * 20000 + "1 }}",
    "{{ 1 }}" * 10000,
    "{% if 1 %}" * 200 + "{% endif %}" * 200 + "{{ x }}",
    "{% for i in [1] %}" * 30 + "{% endfor %}" * 30,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:40])
def test_hostile_templates_end_in_a_message(folder: Path, text: str) -> None:
    assert refused(text, folder)


def test_variables_reach_included_files(folder: Path) -> None:
    (folder / "var.yaml").write_text("n: {{ size }}\n", "utf-8")
    assert rendered("a: {{ include('var.yaml', 'n') }}\n", folder, {"size": 5}) == {"a": 5}
