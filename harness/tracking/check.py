"""Reads the files of runs and refuses those that are damaged: one line that names the file and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import UserError, nearest
from harness.files import read_json
from harness.layout import stem
from harness.tracking.records import read_provenance, read_scores
from harness.tracking.scored import Scores
from harness.tracking.shapes import Epochs, Provenance, Shape

_ADVICE = "bring it back, or make it again: `dvc repro --force STAGE`"


def checked_scores(path: Path, known: Mapping[str, Collection[str]] | None = None) -> dict[str, Any]:
    """A score file whose numbers fit together and whose name and folder are those of the run it tells of.

    known: "method" and the like -> the names that exist.
    """
    _check(path, Scores, "a result file")
    content = read_scores(path)
    for what, there in (known or {}).items():
        if content[what] not in there:
            hint = nearest(content[what], there)
            stop = "" if hint.endswith("?") else "."
            raise UserError(f"{path}: unknown {what} '{content[what]}'; {hint}{stop} Mend or remove the file")
    place = {key: content[key] for key in ("method", "backbone", "dataset", "seed")}
    run = stem(**place, variant=content.get("variant", ""))
    if path.stem != run:
        raise UserError(f"{path}: holds the scores of {run}; rename it {run}.json, or delete it and run again")
    suite = path.absolute().parent.parent.name
    if content["suite"] != suite:
        raise UserError(
            f"{path}: holds scores of suite {content['suite']}; move it to results/{content['suite']}/scores"
        )
    return content


def checked_provenance(path: Path) -> dict[str, Any]:
    """When, where and from what a run was computed; its name is that of its inputs, but for a variant at the end."""
    _check(path, Provenance, "a provenance file")
    content = read_provenance(path)
    inputs = content["inputs"]
    run = stem(inputs["method"], inputs["backbone"]["name"], inputs["dataset"], inputs["seed"])
    if path.stem != run and not path.stem.startswith(f"{run}-"):
        raise UserError(f"{path}: tells of {run}; rename it {run}.json, or delete it and run again")
    return content


def checked_epochs(path: Path) -> dict[str, Any]:
    """Metrics of each epoch of a run, none missing before the last."""
    _check(path, Epochs, "a file of epochs")
    return read_json(path)


def whole(
    folder: Path, read: Callable[[Path], dict[str, Any]]
) -> tuple[dict[Path, dict[str, Any]], list[dict[str, str]]]:
    """The files of a folder that ``read`` takes, and of the others {"record": file, "problem": one line}."""
    found, problems = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            found[path] = read(path)
        except UserError as error:
            problems.append({"record": str(path), "problem": str(error).removeprefix(f"{path}: ")})
    return found, problems


@lru_cache(maxsize=4096)
def _parse(shape: type[Shape], content: bytes) -> None:
    """Remembers what was sound: a report reads each file some seven times."""
    shape.model_validate_json(content)
    json.loads(content)


def _check(path: Path, shape: type[Shape], kind: str) -> None:
    try:
        _parse(shape, path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {_ADVICE}") from None
    except ValidationError as error:
        raise UserError(f"{path}: {_fault(error, kind)}; {_ADVICE}") from None
    except ValueError as error:  # a number too long for Python
        raise UserError(f"{path}: not valid JSON ({error}); {_ADVICE}") from None


def _fault(error: ValidationError, kind: str) -> str:
    """The first fault on one line, with its place in the file."""
    fault = error.errors()[0]
    message = " ".join(fault["msg"].removeprefix("Value error, ").split())
    if fault["type"] == "json_invalid":
        return f"not valid JSON ({message.removeprefix('Invalid JSON: ')})"
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"not {kind} of this harness: {place} is missing"
    given = f", got {fault['input']!r}" if isinstance(fault["input"], int | float | str) else ""
    return f"not {kind} of this harness: {f'{place}: ' if place else ''}{message[0].lower()}{message[1:]}{given}"
