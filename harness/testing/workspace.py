"""A copy of the project to run the pipeline in, without git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

SOURCES = ("harness", "models", "methods", "conf", "requirements")
FILES = (".dvc/config", ".dvcignore", "dvc.yaml")


class Workspace:
    """The sources in a folder of their own. ``packages``: a folder whose plug-ins are installed there too."""

    def __init__(self, root: Path, folder: Path, tree: dict[str, Any], packages: Path | None = None) -> None:
        self.folder, self.packages = folder, packages
        for name in SOURCES:
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / ".dvc").mkdir()
        for name in FILES:
            shutil.copy(root / name, folder / name)
        (folder / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
        self.write(tree)

    @classmethod
    def at(cls, folder: Path, packages: Path | None = None) -> Workspace:
        """A folder that is laid out already."""
        made = cls.__new__(cls)
        made.folder, made.packages = folder, packages
        return made

    def write(self, tree: dict[str, Any]) -> None:
        """Makes ``tree`` the parameters."""
        (self.folder / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))

    def call(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs ``python -m WORDS`` here; ``more`` are environment variables."""
        path = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
        environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        environment.pop("MLFLOW_TRACKING_URI", None)
        if self.packages is not None:
            environment["PYTHONPATH"] = str(self.packages)
        command = [sys.executable, "-m", *words]
        environment |= more
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=900)

    def harness(self, *words: str, **more: str) -> str:
        """What a successful command of ours printed."""
        return self._printed("harness.cli.app", *words, **more)

    def dvc(self, *words: str, **more: str) -> str:
        return self._printed("dvc", *words, **more)

    def _printed(self, *words: str, **more: str) -> str:
        done = self.call(*words, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class Pipeline(Workspace):
    """A workspace in which a suite has been computed."""

    first = ""
    """What the first run printed."""
