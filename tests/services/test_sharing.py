"""What one person pushed to a DVC remote, another pulls: nothing is recomputed and the tables are the same bytes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.files import sha256
from harness.testing.servers import s3_server, sftp_server
from harness.testing.workspace import Workspace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("pipeline"),
    pytest.mark.skipif(shutil.which("git") is None, reason="no git here"),
]

KEYS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_DEFAULT_REGION": "us-east-1"}


def git(folder: Path, *words: str) -> None:
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(params=["folder", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("s3", "ssh"))])
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The words that set a remote up."""
    if request.param == "folder":
        yield [f"remote add --default shared {tmp_path / 'remote'}"]
        return
    if request.param == "ssh":
        server = sftp_server(tmp_path, "not-a-secret")
        server.start()
        port = server.url.rsplit(":", 1)[1]
        yield [
            f"remote add --default shared ssh://somebody@127.0.0.1:{port}/gait",
            "remote modify shared password not-a-secret",
            "remote modify shared allow_agent false",
        ]
        server.kill()
        return
    for key, value in KEYS.items():
        monkeypatch.setenv(key, value)
    server = s3_server(tmp_path)
    server.start()
    address = server.url.removesuffix("/moto-api/")
    import boto3

    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="gait")
    yield ["remote add --default shared s3://gait/runs", f"remote modify shared endpointurl {address}"]
    server.kill()


def share(computed: Workspace, folder: Path, remote: list[str]) -> Workspace:
    """A git repository with what was computed, pushed to the remote (if any), as its owner would do it."""
    ours = Workspace.at(shutil.copytree(computed.folder, folder))
    (folder / ".dvc/config.local").unlink()
    (folder / ".gitignore").write_text("/data/\n/runs/\n/work/\n/mlflow.db*\n.dvc/tmp\n.dvc/cache\n.dvc/config.local\n")
    git(folder, "init")
    for words in remote:
        ours.dvc(*words.split())
    if remote:
        ours.dvc("push")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "results")
    return ours


def provenance(workspace: Workspace) -> dict[str, str]:
    """When and where each run was computed: a recomputed one differs."""
    return {path.stem: path.read_text() for path in (workspace.folder / "results/tiny/provenance").glob("*.json")}


def test_push_clone_pull(computed: Workspace, remote: list[str], tmp_path: Path):
    ours = share(computed, tmp_path / "ours", remote)
    git(tmp_path, "clone", "ours", "theirs")
    theirs = Workspace.at(tmp_path / "theirs")
    assert not (theirs.folder / "runs").exists()
    assert "everything that the DVC remote has is here" in (printed := theirs.harness("run", "--pull"))
    assert "all up to date" in printed
    assert "Running stage" not in theirs.dvc("repro")
    weights = sorted(path.relative_to(ours.folder) for path in (ours.folder / "runs").rglob("checkpoint.pt"))
    assert len(weights) == 9
    assert sha256(*(ours.folder / w for w in weights)) == sha256(*(theirs.folder / w for w in weights))
    shown = [side.harness("tables", "--format", "md") for side in (ours, theirs)]
    assert shown[0] == shown[1] and "Ours (SF)" in shown[0]


def test_what_the_remote_lacks_is_computed(computed: Workspace, tmp_path: Path):
    store = tmp_path / "remote"
    share(computed, tmp_path / "ours", [f"remote add --default shared {store}"])
    git(tmp_path, "clone", "ours", "theirs")
    theirs = Workspace.at(tmp_path / "theirs")
    weights = Path("runs/tiny/gaitssb-gaitset-target-s0/checkpoint.pt")
    wanted = (computed.folder / weights).read_bytes()
    lost = [path for path in store.rglob("*") if path.is_file() and path.read_bytes() == wanted]
    assert len(lost) == 1
    lost[0].unlink()
    before = provenance(theirs)
    theirs.harness("run", "--pull")
    assert {name for name, text in provenance(theirs).items() if before[name] != text} == {weights.parent.name}
    assert (theirs.folder / weights).read_bytes() == wanted


def test_dvc_tells_two_commits_apart(computed: Workspace, tmp_path: Path):
    ours = share(computed, tmp_path / "ours", [])
    means, params = "results/tiny/means.json", ours.folder / "params.yaml"
    content = json.loads((ours.folder / means).read_text())
    before = content["gaitset"]["target"]["sf"]["rank1_CL"]
    content["gaitset"]["target"]["sf"]["rank1_CL"] = before + 1
    (ours.folder / means).write_text(json.dumps(content))
    tree = yaml.safe_load(params.read_text())
    was, tree["methods"]["ssf"]["s_o"] = tree["methods"]["ssf"]["s_o"], 0.6
    params.write_text(yaml.safe_dump(tree))
    curve = "results/tiny/epochs/sf-gaitset-target-s0.json"
    content = json.loads((ours.folder / curve).read_text())
    nmi = [float(epoch["nmi"]) for epoch in content["epochs"]]
    for epoch in content["epochs"]:
        epoch["nmi"] += 0.5
    (ours.folder / curve).write_text(json.dumps(content))
    git(ours.folder, "commit", "-am", "another setting")
    ((path, metrics),) = json.loads(ours.dvc("metrics", "diff", "HEAD~1", "HEAD", "--json")).items()
    assert path == means and metrics.keys() == {"gaitset.target.sf.rank1_CL"}
    change = metrics["gaitset.target.sf.rank1_CL"]
    assert (change["old"], change["new"]) == (before, before + 1)
    (settings,) = json.loads(ours.dvc("params", "diff", "HEAD~1", "HEAD", "--json")).values()
    assert settings.keys() == {"methods.ssf.s_o"}
    assert (settings["methods.ssf.s_o"]["old"], settings["methods.ssf.s_o"]["new"]) == (was, 0.6)
    plots = json.loads(ours.dvc("plots", "diff", "HEAD~1", "HEAD", "--targets", curve, "--json", "--out", "plots"))
    (plot,) = plots["data"][curve]
    points = plot["content"]["data"]["values"]
    drawn = {rev: [p["nmi"] for p in points if p["rev"] == rev] for rev in ("HEAD~1", "HEAD")}
    assert drawn == {"HEAD~1": nmi, "HEAD": [value + 0.5 for value in nmi]}


def test_without_a_remote_it_says_how_to_set_one(computed: Workspace):
    done = computed.call("harness.cli.app", "run", "--pull")
    assert done.returncode == 2 and "dvc remote add" in done.stderr and len(done.stderr.splitlines()) == 1
