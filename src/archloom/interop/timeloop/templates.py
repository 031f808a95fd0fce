"""Jinja2 in Timeloop files: rendered in a sandbox, with bounded work and includes confined to given folders."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from archloom.errors import InputError, Place, did_you_mean
from archloom.interop.timeloop.sandbox import MAX_STEPS, sandbox
from archloom.spec.document import Value, YamlList, YamlMap, parse, read

if TYPE_CHECKING:
    pass

__all__ = ["Renderer", "has_jinja"]

MAX_TEXT = 8 * 2**20
MAX_TEMPLATE = 2**20
MAX_TAGS = 5000
MAX_INCLUDES = 1000
MAX_DEPTH = 20
MAX_MATCHES = 1000

_JINJA = re.compile(r"\{\{|\{%|\{#")


def has_jinja(text: str) -> bool:
    """Whether a text has Jinja2 syntax in it."""
    return _JINJA.search(text) is not None


@dataclass
class Renderer:
    """Renders texts and parses the result; one Renderer serves one load and bounds its total work.

    `variables` are visible to every template. Files outside `folders` cannot be included. `tags` are the YAML tags allowed.
    """

    variables: Mapping[str, object]
    folders: Sequence[Path]
    tags: frozenset[str]
    steps: int = 0
    includes: int = 0
    characters: int = 0
    loaded: dict[str, Value] = field(default_factory=dict)

    def document(
        self, text: str, source: str, folder: Path | None, depth: int = 0, search: Sequence[Path] = ()
    ) -> Value:
        """Render (when there is anything to render) and parse one text; raises InputError."""
        if not has_jinja(text):
            return parse(text, source, tags=self.tags)
        rendered = self.render(text, source, folder, depth, list(search))
        return self._filled(parse(rendered, f"{source} (rendered)", tags=self.tags))

    def render(self, text: str, source: str, folder: Path | None, depth: int, search: list[Path]) -> str:
        """The text that a template renders to, with a placeholder for each included document; raises InputError."""
        import jinja2

        if depth > MAX_DEPTH:
            raise InputError(f"files include each other more than {MAX_DEPTH} levels deep", Place(source))
        if len(text) > MAX_TEMPLATE or sum(1 for _ in _JINJA.finditer(text)) > MAX_TAGS:
            raise InputError(
                f"the template has more than {MAX_TEMPLATE:,} characters or {MAX_TAGS:,} tags", Place(source)
            )
        helpers = _Helpers(self, source, folder, depth, search)
        environment = sandbox(helpers.functions(), self.step)
        try:
            code = environment.compile(text, filename=source)
            template = jinja2.Template.from_code(environment, code, {**environment.globals, **self.variables})
            return "".join(self._counted(template.generate(), source))
        except InputError:
            raise
        except jinja2.TemplateSyntaxError as error:
            raise InputError(f"not valid Jinja2: {error.message}", Place(source, error.lineno, 1)) from None
        except jinja2.UndefinedError as error:
            hint = "give it to load(..., variables={...})"
            raise InputError(f"in the template: {error.message}", _line_of(error, source), hint) from None
        # a template is the user's program: whatever it raises is a fault of the file
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise InputError(f"in the template: {reason[:300]}", _line_of(error, source)) from None

    def _counted(self, pieces: Iterable[str], source: str) -> Iterator[str]:
        for piece in pieces:
            self.spend(len(piece), source)
            yield piece

    def spend(self, characters: int, source: str) -> None:
        """Count characters that are rendered or included."""
        self.characters += characters
        if self.characters > MAX_TEXT:
            raise InputError(f"the templates make more than {MAX_TEXT // 2**20} Mi characters", Place(source))

    def step(self, count: int = 1) -> None:
        """Spend some of the work that templates may do."""
        self.steps += count
        if self.steps > MAX_STEPS:
            raise InputError(f"the templates take more than {MAX_STEPS:,} steps")

    def _filled(self, value: Value) -> Value:
        """Replace placeholders by the documents they stand for."""
        if isinstance(value, str):
            return self.loaded.get(value, value)
        if isinstance(value, YamlMap):
            for key in value:
                value[key] = self._filled(value[key])
        elif isinstance(value, YamlList):
            value[:] = [self._filled(item) for item in value]
        return value


@dataclass
class _Helpers:
    """The functions that templates may call, for one file: the ones that Timeloop's front end offers."""

    renderer: Renderer
    source: str
    folder: Path | None
    depth: int
    search: list[Path]

    def functions(self) -> dict[str, Callable[..., object]]:
        return {
            "add_to_path": self.add_to_path,
            "cwd": self.cwd,
            "include": self.include,
            "include_all": self.include_all,
            "include_text": self.include_text,
            "path_exists": self.path_exists,
            "find": self.find_path,
            "find_path": self.find_path,
            "find_paths": self.find_paths,
            "setenv": self.setenv,
            "range": self.range,
        }

    def cwd(self) -> str:
        return str(self._folder())

    def add_to_path(self, path: object) -> str:
        self.search += [found for found in self._find(path) if found.is_dir()]
        return ""

    def include(self, path: object, at: object = "") -> str:
        found = self._find(path)
        if len(found) > 1:
            raise InputError(f"{path!r} names {len(found)} files; include_all() takes several", Place(self.source))
        return self._placeholder(self._picked(found[0], at))

    def include_all(self, path: object, at: object = "") -> str:
        return self._placeholder(_joined([self._picked(found, at) for found in self._find(path)], Place(self.source)))

    def include_text(self, path: object) -> str:
        return "\n".join(self._rendered(found) for found in self._find(path))

    def _rendered(self, found: Path) -> str:
        text = self._read(found)
        if not has_jinja(text):
            return text
        return self.renderer.render(text, str(found), found.parent, self.depth + 1, [*self.search])

    def path_exists(self, path: object) -> bool:
        return bool(self._matches(path)[0])

    def find_path(self, path: object) -> str:
        return str(self._find(path)[0])

    def find_paths(self, path: object) -> list[str]:
        return [str(found) for found in self._find(path)]

    def setenv(self, *_: object) -> str:
        """Nothing: the environment is left alone."""
        return ""

    def range(self, *bounds: int) -> list[int]:
        numbers = range(*bounds)
        self.renderer.step(len(numbers))
        return list(numbers)

    def _folder(self) -> Path:
        if self.folder is None:
            raise InputError(
                "a text has no folder to include files from", Place(self.source), "give the file itself to load()"
            )
        return self.folder

    def _read(self, path: Path) -> str:
        self.renderer.includes += 1
        if self.renderer.includes > MAX_INCLUDES:
            raise InputError(f"more than {MAX_INCLUDES} files are included", Place(self.source))
        text = read(path)
        self.renderer.spend(len(text), self.source)
        return text

    def _picked(self, path: Path, at: object) -> Value:
        value = self.renderer.document(self._read(path), str(path), path.parent, self.depth + 1, [*self.search])
        for key in str(at).split(".") if at else ():
            if not isinstance(value, YamlMap) or key not in value:
                known = [str(name) for name in value] if isinstance(value, YamlMap) else []
                raise InputError(
                    f"{path}: there is no {str(at)!r} to include", Place(self.source), did_you_mean(key, known)
                )
            value = value[key]
        return value

    def _placeholder(self, value: Value) -> str:
        name = f"archloom_included_{len(self.renderer.loaded)}"
        self.renderer.loaded[name] = value
        return name

    def _find(self, path: object) -> list[Path]:
        found, outside = self._matches(path)
        if outside:
            raise InputError(
                f"{str(path)[:200]!r} lies outside the folders of the files given",
                Place(self.source),
                "give a file of that folder to load(), too",
            )
        if not found:
            raise InputError(
                f"cannot find the file {str(path)[:200]!r}", Place(self.source), f"looked in {self._folder()}"
            )
        return found

    def _matches(self, path: object) -> tuple[list[Path], bool]:
        """The files that a path or pattern names, and whether some candidate was refused for lying outside."""
        if not isinstance(path, str) or "\0" in path or len(path) > 4096 or "**" in path:
            raise InputError(f"{str(path)[:200]!r} is not a path to include", Place(self.source))
        found: dict[Path, None] = {}
        outside = False
        for base in [self._folder(), *self.search]:
            candidate = Path(os.path.normpath(base / path))
            if not self._is_inside(Path(os.path.realpath(_fixed_part(candidate)))):
                outside = True
                continue
            for match in _globbed(candidate):
                real = Path(os.path.realpath(match))
                if self._is_inside(real):
                    found[real] = None
                else:
                    outside = True
        return list(found), outside and not found

    def _is_inside(self, real: Path) -> bool:
        return any(real == folder or folder in real.parents for folder in self.renderer.folders)


def _fixed_part(path: Path) -> Path:
    """The part of a path before its first wildcard."""
    parts: list[str] = []
    for part in path.parts:
        if any(sign in part for sign in "*?["):
            break
        parts.append(part)
    return Path(*parts) if parts else path


def _globbed(path: Path) -> list[Path]:
    base = _fixed_part(path)
    if base == path:
        return [path] if path.exists() else []
    if not base.is_dir():
        return []
    pattern = str(path.relative_to(base))
    return sorted(found for found, _ in zip(base.glob(pattern), range(MAX_MATCHES), strict=False))


def _joined(values: list[Value], place: Place) -> Value:
    """What several included documents make together: one list, one mapping, or a list of values."""
    if len(values) == 1:
        return values[0]
    maps = [value for value in values if isinstance(value, YamlMap)]
    if values and len(maps) == len(values):
        together = YamlMap(place)
        for part in maps:
            for key, inner in part.items():
                together.put(key, inner, part.key_places[key], part.value_places[key])
        return together
    result = YamlList(place)
    for value in values:
        if isinstance(value, YamlList):
            for item, where in zip(value, value.value_places, strict=True):
                result.put(item, where)
        else:
            result.put(value, place)
    return result


def _line_of(error: BaseException, source: str) -> Place:
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == source:
            line = trace.tb_lineno
        trace = trace.tb_next
    return Place(source, line, 1) if line else Place(source)
