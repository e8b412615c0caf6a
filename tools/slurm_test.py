"""A tiny suite on this machine and through a real single-node SLURM, stopped in the middle and gone on with: are the
tables the same, byte for byte?

    apt-get install slurmctld slurmd slurm-client munge
    python tools/slurm_test.py

Needs root. Starts munged, slurmctld and slurmd for itself, on loopback, with everything they write in a folder of its
own, and stops them in the end; a SLURM that is there already is not touched.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from harness.files import sha256
from harness.presets import compose

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("harness", "models", "methods", "conf", "requirements", "dvc.yaml", ".dvc/config", ".dvcignore")
CONF = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmctldPort={control}
SlurmdPort={daemon}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


class Cluster:
    """One node's SLURM, in a folder."""

    def __init__(self, folder: Path, cpus: int) -> None:
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        self.folder, self.children = folder, []
        self.host = socket.gethostname().split(".")[0]
        ports = {"control": _free_port(), "daemon": _free_port()}
        (folder / "slurm.conf").write_text(CONF.format(host=self.host, folder=folder, cpus=cpus, **ports))
        (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

    def __enter__(self) -> Cluster:
        try:
            self._start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_all(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        # Everything of munge must be out of others' reach, or it refuses to start.
        self.folder.chmod(0o711)
        words = [f"--{name}={self.folder / file}" for name, file in (
            ("key-file", "munge.key"), ("socket", "munge.socket"), ("pid-file", "munge.pid"),
            ("log-file", "munge.log"), ("seed-file", "munge.seed"),
        )]  # fmt: skip
        self._start(["munged", "--foreground", "--force", *words])
        self._until(lambda: (self.folder / "munge.socket").exists(), "munged")
        self._start(["slurmctld", "-D", "-f", str(self.folder / "slurm.conf")])
        self._start(["slurmd", "-D", "-f", str(self.folder / "slurm.conf"), "-N", self.host])
        self._until(self._idle, "SLURM")

    def __exit__(self, *_: object) -> None:
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            try:
                child.wait(timeout=30)
            except subprocess.TimeoutExpired:
                child.kill()

    def _start(self, command: list[str]) -> None:
        log = open(self.folder / f"{command[0]}.out", "wb")  # noqa: SIM115
        self.children.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=subprocess.STDOUT))

    def _idle(self) -> bool:
        asked = ["sinfo", "--noheader", "--format=%T"]
        return "idle" in subprocess.run(asked, env=self.environment, capture_output=True, text=True).stdout

    def _until(self, ready, what: str) -> None:
        for _ in range(120):
            if ready():
                return
            time.sleep(0.5)
        logs = "\n".join(f"{path}:\n{path.read_text()[-1500:]}" for path in sorted(self.folder.glob("*.log")))
        raise SystemExit(f"{what} does not come up:\n{logs}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def workspace(folder: Path, tree: dict) -> Path:
    """A copy of the project, without git, with a tiny suite."""
    for name in PARTS:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (folder / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    return folder


def run(folder: Path, environment: dict[str, str], *words: str, stop: str = "") -> None:
    """``harness run``; with ``stop`` it gets SIGTERM when that stage begins, and is expected to end as by Ctrl-C."""
    command = [sys.executable, "-m", "harness.cli.app", "run", "--resume", *words]
    began, expected = time.monotonic(), 130 if stop else 0
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if stop:
        while process.poll() is None and not list((folder / "work" / "logs").glob(f"{stop}@*.log")):
            time.sleep(0.2)
        process.terminate()
    printed, _ = process.communicate()
    if process.returncode != expected:
        raise SystemExit(f"harness run {' '.join(words)}: exit code {process.returncode}, not {expected}:\n{printed}")
    ended = f", stopped at {stop}" if stop else ""
    print(f"harness run {' '.join(words)}{ended}: {time.monotonic() - began:.0f} s", flush=True)


def results(folder: Path) -> dict[str, str]:
    """Digests of tables, scores and weights."""
    files = [*folder.glob("results/tiny/tables/*"), *folder.glob("results/tiny/scores/*"), *folder.glob("runs/**/*.pt")]
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    tree = yaml.safe_load(compose("tiny", ROOT / "conf"))
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        here = Path(name)
        with Cluster(here / "slurm", options.jobs) as cluster:
            # The working directory comes first on Python's path: the copies run their own code.
            environment = {**cluster.environment, "OMP_NUM_THREADS": "1"}
            one = workspace(here / "one", tree)
            run(one, environment, "--jobs", "1")
            for words in (("--jobs", str(options.jobs)), ("--slurm",)):
                other = workspace(here / words[0].strip("-"), tree)
                run(other, environment, *words, stop="cc")
                run(other, environment, *words)
                differing = sorted(key for key, digest in results(one).items() if results(other).get(key) != digest)
                if differing or len(results(one)) != len(results(other)):
                    raise SystemExit(f"{' '.join(words)}: not the same: {', '.join(differing)}")
                print(
                    f"{' '.join(words)}: {len(results(other))} tables, scores and weights are the same, byte for byte"
                )


if __name__ == "__main__":
    main()
