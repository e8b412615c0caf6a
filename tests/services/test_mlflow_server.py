"""MLflow's server on a real PostgreSQL: what is sent is read back; a kill in the middle loses and doubles nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.testing.servers import Server, mlflow_server, postgres, postgres_programs
from harness.tracking.mlflow import EXPERIMENT

PROGRAMS = postgres_programs()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("services"),
    pytest.mark.skipif(
        PROGRAMS is None and not os.environ.get("CI"), reason="PostgreSQL is not installed: apt-get install postgresql"
    ),
]


@pytest.fixture(scope="module")
def database():
    assert PROGRAMS is not None, "PostgreSQL is not installed: apt-get install postgresql"
    with postgres(PROGRAMS) as address:
        yield address


@pytest.fixture
def server(root: Path, database: str, tmp_path: Path):
    """As Compose starts it, but for the place where it listens and keeps things."""
    words = yaml.safe_load((root / "docker/compose.yaml").read_text())["services"]["mlflow"]["command"]
    ours = ("--host", "--port", "--workers", "--backend-store-uri", "--artifacts-destination", "--serve-artifacts")
    made = mlflow_server(database, tmp_path, [word for word in words if not word.startswith(ours)])
    made.start()
    yield made
    made.kill()


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """The committed smoke results, as if they had been computed here."""
    folder = tmp_path / "project"
    shutil.copytree(root / "results/smoke", folder / "results/smoke")
    shutil.copy(root / "params.yaml", folder)
    return folder


def address(server: Server) -> str:
    return server.url.removesuffix("/health")


def start_sync(project: Path, server: Server) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "harness.cli.app", "track", "sync", "--uri", address(server)]
    return subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ask(database: str, question: str) -> list[tuple[Any, ...]]:
    import psycopg

    connection = psycopg.connect(database)
    try:
        with connection.cursor() as cursor:
            cursor.execute(question.encode())
            return cursor.fetchall()
    finally:
        connection.close()


def runs_there(database: str, kind: str = "stem") -> int:
    question = "select count(*) from runs r join tags t on r.run_uuid = t.run_uuid where r.lifecycle_stage = 'active'"
    return ask(database, f"{question} and t.key = '{kind}'")[0][0]


def test_a_server_killed_in_the_middle_of_a_sync(server: Server, database: str, project: Path):
    recorded = sorted((project / "results/smoke/provenance").glob("*.json"))
    syncing = start_sync(project, server)
    end = time.monotonic() + 120
    while runs_there(database, "complete") < 3:
        assert syncing.poll() is None and time.monotonic() < end, syncing.communicate()
    server.kill()
    out, err = syncing.communicate(timeout=120)
    lines = [line for line in err.splitlines() if line.strip()]
    assert syncing.returncode == 2 and len(lines) == 1, out + err
    assert "cannot be reached" in lines[0] and "harness track sync" in lines[0]
    assert 3 <= runs_there(database, "complete") < len(recorded)

    server.start()
    out, err = start_sync(project, server).communicate(timeout=300)
    assert err == "" and "already there" in out, out + err
    assert runs_there(database) == runs_there(database, "complete") == len(recorded)
    out, _ = start_sync(project, server).communicate(timeout=300)
    assert f"0 run(s) sent, {len(recorded)} already there" in out
    assert runs_there(database) == len(recorded)
    read_back(server, project, recorded)
    answers_known_names_only(server)


def answers_known_names_only(server: Server) -> None:
    """A page of somebody else's cannot reach it through a name of its own that means 127.0.0.1."""
    codes = {}
    for name in ("mlflow:5000", "localhost:5000", "127.0.0.1:5000", "somebody.example"):
        url = f"{address(server)}/api/2.0/mlflow/experiments/search?max_results=1"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers={"Host": name}), timeout=10) as answer:
                codes[name] = answer.status
        except urllib.error.HTTPError as error:
            codes[name] = error.code
    assert codes == {"mlflow:5000": 200, "localhost:5000": 200, "127.0.0.1:5000": 200, "somebody.example": 403}


def read_back(server: Server, project: Path, recorded: list[Path]) -> None:
    """Every score of the result files stands in the server, under its run; runs can be compared by it."""
    from mlflow import MlflowClient

    client = MlflowClient(address(server))
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = {run.data.tags["stem"]: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {path.stem for path in recorded}
    checked = 0
    for path in sorted((project / "results/smoke/scores").glob("*.json")):
        score = json.loads(path.read_text())
        run = next(run for run in runs.values() if run.data.tags["run_id"] == score["run_id"])
        for name, value in score["metrics"].items():
            assert run.data.metrics[f"{score['dataset']}_{name}"] == value
            checked += 1
        artefacts = {artefact.path for artefact in client.list_artifacts(run.info.run_id, "scores")}
        assert f"scores/{path.name}" in artefacts
    assert checked >= 3 * 14
    best = client.search_runs([experiment.experiment_id], order_by=["metrics.target_rank1_NM DESC"], max_results=1)[0]
    assert best.data.tags["method"] == "upper"
