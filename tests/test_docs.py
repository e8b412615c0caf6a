"""What the documents tell a user to type exists: commands with their options, paths, parameters and links."""

from __future__ import annotations

import copy
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from dvc.cli import DvcParserError
from dvc.cli.parser import get_main_parser
from typer.exceptions import TyperException

from harness.cli import app as cli
from harness.config import Settings, Suite, check
from harness.files import parse_yaml
from harness.presets import compose, suite_names

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "requirements/README.md"]
SOURCES = [path for room in ("harness", "models", "methods") for path in sorted((ROOT / room).rglob("*.py"))]
MADE = ("runs/", "work/", "report/", "data/", "results/<", "docker/.env")
"""What is not in the repository: it appears when something runs, or a user writes it."""
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
IMAGE = re.compile(r"harness(?:-gpu|:cpu|:gpu) (?!run --rm)(.+)")
PARAMETER = re.compile(r"([a-z_]+(?:\.(?:[\w*-]+|<[\w ]+>))*)(?:: (.+))?")

in_each = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def typed(path: Path) -> list[str]:
    """The lines of a document's fenced blocks, without comments; a line that goes on is one."""
    blocks = "".join(FENCE.findall(path.read_text())).replace("\\\n", " ")
    lines = [re.sub(r"(^|\s)#.*$", "", line).strip() for line in blocks.splitlines()]
    return [part.strip() for line in lines for part in re.split(r" && | \|\| ", line) if part.strip()]


def mentioned(text: str) -> list[str]:
    """What stands between backticks outside of fenced blocks."""
    return INLINE.findall(FENCE.sub("", text))


def words_of(line: str) -> list[str] | None:
    """The words after ``harness`` of a command of ours, in a container's too; None for other lines."""
    line = line.removeprefix(".venv/bin/")
    if line.startswith("harness "):
        return shlex.split(line)[1:]
    found = IMAGE.search(line) if line.startswith("docker ") else None
    return shlex.split(found[1]) if found else None


def read(words: list[str], whole: bool = True) -> None:
    """Reads a command as the command line would before doing anything; not ``whole``: its arguments may be left out."""
    command: Any = typer.main.get_command(cli.app)
    said, left = "harness", [word for word in words if whole or "..." not in word]
    while hasattr(command, "list_commands") and left and not left[0].startswith(("-", "{")):
        if left[0] not in command.list_commands(None):
            raise AssertionError(f"no command '{said} {left[0]}'")
        command, said, left = command.get_command(None, left[0]), f"{said} {left[0]}", left[1:]
    if left == ["--install-completion"] or any("{" in word for word in left) or not (whole or left):
        return
    try:
        command.make_context(said, left)
    except TyperException as error:
        lacks = error.format_message().startswith("Missing") or error.format_message().endswith("requires an argument.")
        if whole or not lacks:
            raise AssertionError(f"{said} {' '.join(left)}: {error.format_message()}") from None


def exists(name: str) -> bool:
    """Whether a path of the repository, or the end of one, is there; <name> and * stand for anything."""
    pattern = re.sub(r"<[^>]*>", "*", name.rstrip("/"))
    inside = [f"{top}/**/{pattern}" for top in ("harness", "methods", "models", "tests", "requirements")]
    return any(next(ROOT.glob(each), None) is not None for each in (pattern, *inside))


def is_path(word: str) -> bool:
    """Whether a word names a path of ours: by its first folder or, without one, by its ending."""
    if word.startswith((*MADE, "/", "..")) or not re.fullmatch(r"[\w./<>*-]+", word):
        return False
    first, _, rest = word.partition("/")
    return (
        (ROOT / first).is_dir() if rest or word.endswith("/") else word.endswith((".py", ".lock", ".toml", ".cdx.json"))
    )


def holds(tree: Any, keys: list[str]) -> bool:
    """Whether parameters have the dotted ``keys``; <name> and * stand for any."""
    if not keys:
        return True
    if not isinstance(tree, dict):
        return False
    known = tree.values() if keys[0][0] in "<*" else [tree[keys[0]]] if keys[0] in tree else []
    return any(holds(value, keys[1:]) for value in known)


COMPOSED = pytest.mark.xdist_group("presets")
"""Tests that need every preset: one worker composes them, once."""


@pytest.fixture(scope="module")
def presets() -> dict[str, dict[str, Any]]:
    return {name: parse_yaml(compose(name, ROOT / "conf")) for name in suite_names(ROOT / "conf")}


@in_each
def test_every_command_is_one(path: Path):
    for line in typed(path):
        if (words := words_of(line)) is not None:
            read(words)
    for line in mentioned(path.read_text()):
        if (words := words_of(line.split(" && ")[0])) is not None:
            read(words, whole=False)


@pytest.mark.parametrize("path", [*SOURCES, *DOCUMENTS[:1]], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_in_a_message_is_one(path: Path):
    for line in INLINE.findall(path.read_text()):
        if line.startswith("harness ") and (words := words_of(line)) is not None:
            read(words, whole=False)


def test_commands_are_found_and_mistakes_are_noticed():
    found = [words for path in DOCUMENTS for line in typed(path) if (words := words_of(line)) is not None]
    assert len(found) > 40 and ["run", "tiny"] not in found and ["run", "smoke"] in found
    for words in (["runn"], ["suite", "used"], ["tables", "--tabel", "6"], ["train"], ["run", "smoke", "tiny"]):
        with pytest.raises(AssertionError):
            read(words)
    read(["score", "--unmatched", "skip"], whole=False)
    with pytest.raises(AssertionError):
        read(["score", "--unmatchd", "skip"], whole=False)


@in_each
def test_every_path_is_there(path: Path):
    words = [word for line in typed(path) for word in line.split()]
    missing = {word for word in (*words, *mentioned(path.read_text())) if is_path(word) and not exists(word)}
    assert missing == set()


@in_each
def test_every_link_leads_somewhere(path: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        there = path.parent / name if name else path
        assert there.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, target


@COMPOSED
@in_each
def test_every_parameter_is_one(path: Path, presets: dict[str, dict[str, Any]]):
    for text in mentioned(path.read_text()):
        match = PARAMETER.fullmatch(text)
        if match is None or ("." not in match[1] and match[2] is None):
            continue
        keys, value = match[1].split("."), match[2]
        if len(keys) == 1 and keys[0] in Suite.model_fields:
            keys = ["suite", *keys]
        if keys[0] not in Settings.model_fields or is_path(text):
            continue
        trees = [tree for tree in presets.values() if holds(tree, keys)]
        assert trees, f"no parameter {match[1]}"
        if value is not None and not value.isupper() and "*" not in keys:
            assert takes(trees, keys, yaml.safe_load(value)), text


def takes(trees: list[dict[str, Any]], keys: list[str], value: Any) -> bool:
    """Whether some preset is valid with the parameter set to ``value``."""
    for tree in trees:
        changed = copy.deepcopy(tree)
        place = changed
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
        try:
            check(changed, "x")
        except Exception:
            continue
        return True
    return False


@COMPOSED
def test_wrong_parameters_are_noticed(presets: dict[str, dict[str, Any]]):
    trees = list(presets.values())
    assert not any(holds(tree, ["compute", "kn"]) for tree in trees)
    assert takes(trees, ["compute", "knn"], "faiss") and not takes(trees, ["compute", "knn"], "torch")


@in_each
def test_every_other_program_is_asked_for_what_it_has(path: Path):
    """make's targets, DVC's commands, Compose's services."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    services = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
    for line in (*typed(path), *(part for text in mentioned(path.read_text()) for part in text.split(" && "))):
        words = shlex.split(line, comments=False) if line.startswith(("make ", "dvc ", "docker compose ")) else []
        if words[:1] == ["make"]:
            assert words[1] in targets, line
        elif words[:1] == ["dvc"]:
            try:
                get_main_parser().parse_args(words[1:])
            except (DvcParserError, SystemExit) as error:
                raise AssertionError(line) from error
        elif words[2:]:
            assert set(words) & services.keys(), line
