"""Reading YAML so that every mistake can be told with file, line and field."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pactag.errors import PactagError, Problem

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlContent:
    """A parsed file: its data, and the line (from 1) on which each field stands; 0 for a field that the command line gave."""

    path: Path
    data: Any
    lines: Mapping[FieldPath, int]

    def where(self, field: FieldPath) -> str:
        """`file:line: field`, with the line of the nearest parent when the field itself is absent."""
        for end in range(len(field), -1, -1):
            line = self.lines.get(field[:end])
            if line == 0:
                return f"--set {dotted(field)}"
            if line is not None:
                return f"{self.path}:{line}: {dotted(field)}" if field else f"{self.path}"
        return f"{self.path}: {dotted(field)}"


def dotted(field: FieldPath) -> str:
    """`("training", "learning_rate")` as `training.learning_rate`."""
    return ".".join(str(part) for part in field)


def read_yaml(path: Path, error: type[PactagError]) -> YamlContent:
    """Parse one YAML file whose top level is a mapping; a key given twice is an error, not a silent overwrite.

    :raises PactagError: of the kind `error`, for a file that is missing, not UTF-8, not YAML or not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise error(str(path), "no such file", f"Files beside it: {_beside(path)}") from None
    except IsADirectoryError:
        raise error(str(path), "is a directory", "Name a YAML file") from None
    except UnicodeDecodeError as bad:
        raise error(str(path), f"byte {bad.start} is not valid UTF-8", "Save the file as UTF-8") from None
    except OSError as bad:
        raise error(str(path), f"cannot be read ({bad.strerror})", "Check the path and its permissions") from None
    try:
        node, data = _parsed(text)
    except yaml.MarkedYAMLError as bad:
        line = bad.problem_mark.line + 1 if bad.problem_mark else 1
        raise error(f"{path}:{line}", f"not valid YAML ({bad.problem})", "Check indentation, colons and quotes") from None
    except RecursionError:
        raise error(str(path), "is nested too deep, or contains itself", "Write it flatter") from None
    except (yaml.YAMLError, ValueError, KeyError, AttributeError, TypeError) as bad:
        # The last three come from tags such as `!!bool` with a value that is none.
        raise error(str(path), f"not valid YAML ({bad})", "Check it with a YAML-aware editor") from None
    if not isinstance(data, dict):
        raise error(str(path), "is empty" if data is None else "is not a mapping", "Write `field: value` lines at the top level")
    lines: dict[FieldPath, int] = {}
    twice: list[Problem] = []
    try:
        _collect_lines(node, (), lines, twice, path)
    except RecursionError:
        raise error(str(path), "contains itself through an anchor", "Write the part out where it is used") from None
    if twice:
        raise error.of(twice)
    return YamlContent(path, data, lines)


def _parsed(text: str) -> tuple[Any, Any]:
    """The nodes and the data of a YAML text."""
    try:
        # Ten times as fast as the parser in Python, which tells mistakes better and is there everywhere.
        return yaml.compose(text, Loader=yaml.CSafeLoader), yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, AttributeError):
        return yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)


def _collect_lines(node: Any, at: FieldPath, lines: dict[FieldPath, int], twice: list[Problem], path: Path) -> None:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            # Keys are compared as they are written; pydantic names a number as a number.
            here = (*at, key.value)
            if key.tag == "tag:yaml.org,2002:int":
                lines[(*at, yaml.safe_load(key.value))] = key.start_mark.line + 1
            if key.value in seen:
                twice.append(Problem(f"{path}:{key.start_mark.line + 1}: {dotted(here)}", "is given twice", "Keep one of the two"))
            seen.add(key.value)
            lines[here] = key.start_mark.line + 1
            _collect_lines(value, here, lines, twice, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _collect_lines(value, (*at, index), lines, twice, path)


def _beside(path: Path) -> str:
    names = sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, names, n=3)
    return ", ".join(close or names[:8]) or "none"


def validation_problems(error: ValidationError, content: YamlContent, model: type[BaseModel]) -> list[Problem]:
    """Every error of a pydantic validation as a problem with line, value found, what is allowed, and close spellings."""
    problems = []
    for item in error.errors(include_url=False):
        # A discriminated union puts its tag into the location; the file has no such level.
        field = tuple(part for i, part in enumerate(item["loc"]) if not _is_union_tag(model, item["loc"], i))
        where = content.where(field)
        match item["type"]:
            case "extra_forbidden":
                names = field_names(model, item["loc"][:-1])
                close = difflib.get_close_matches(str(field[-1]), names, n=2, cutoff=0.6)
                hint = f"Did you mean {' or '.join(close)}?" if close else f"Allowed here: {', '.join(names)}"
                problems.append(Problem(where, "unknown field", hint))
            case "missing":
                problems.append(Problem(where, "is missing", "Add it"))
            case "union_tag_not_found" | "union_tag_invalid":
                ctx = item.get("ctx", {})
                found = f"{ctx['tag']!r} is not a kind" if "tag" in ctx else "does not say its kind"
                expected = ctx.get("expected_tags", "")
                problems.append(
                    Problem(content.where((*field, "kind")), found, f"Allowed kinds: {expected}" if expected else "Add `kind:`")
                )
            case _:
                given = item.get("input")
                shown = repr(given) if not isinstance(given, Mapping | list) else "this"
                message = item["msg"].removeprefix("Value error, ")
                found = f"{shown} is not allowed" if shown != "this" else "not allowed"
                # A message that begins with the name of a field leaves it as it is written.
                told = message if "_" in message.split()[0] else message[:1].upper() + message[1:]
                problems.append(Problem(where, found, told))
    return problems


def field_names(model: type[BaseModel], at: FieldPath) -> list[str]:
    """Names allowed below a location (which may pass through union tags and list indices)."""
    current: Any = model
    for part in at:
        current = _descend(current, part)
        if current is None:
            return []
    names = []
    for kind in _models_in(current):
        names += [info.alias or name for name, info in kind.model_fields.items()]
    return list(dict.fromkeys(names))


def _is_union_tag(model: type[BaseModel], loc: FieldPath, index: int) -> bool:
    current: Any = model
    for part in loc[:index]:
        current = _descend(current, part)
    kinds = _models_in(current)
    return len(kinds) > 1 and str(loc[index]) in {_tag(kind) for kind in kinds}


def _descend(current: Any, part: str | int) -> Any:
    if typing.get_origin(current) is dict:
        # Any name may stand here; what stands below it is the same for all.
        return typing.get_args(current)[1]
    kinds = _models_in(current)
    tagged = [kind for kind in kinds if len(kinds) > 1 and _tag(kind) == part]
    if tagged:
        return tagged[0]
    for kind in kinds:
        for name, info in kind.model_fields.items():
            if part in (name, info.alias):
                return info.annotation
    return current if isinstance(part, int) else None


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        return [kind for arg in typing.get_args(annotation) for kind in _models_in(arg)]
    return []


def _tag(kind: type[BaseModel]) -> str | None:
    info = kind.model_fields.get("kind")
    return info.default if info is not None else None
