"""Real servers on this machine's loopback address, for tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that answers at a port after a while (over HTTP, or tcp://). ``kill`` ends it as a power cut would."""

    def __init__(self, words: list[str], url: str, log: Path) -> None:
        self.words, self.url, self.log = words, url, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, patience_s: float = 120) -> None:
        with open(self.log, "ab") as stream:
            # As `harness track ui` starts MLflow.
            quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
            environment = {**os.environ, **quiet}
            self.process = subprocess.Popen(
                self.words, stdout=stream, stderr=stream, start_new_session=True, env=environment
            )
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            with suppress(OSError):
                self._ask()
                return
            time.sleep(0.2)
        raise AssertionError(f"{self.url} does not answer: {self.log.read_text()[-2000:]}")

    def _ask(self) -> None:
        if self.url.startswith("tcp://"):
            host, port = self.url.removeprefix("tcp://").split(":")
            socket.create_connection((host, int(port)), 2).close()
        else:
            urllib.request.urlopen(self.url, timeout=2).close()

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def mlflow_server(store: str, folder: Path, more: Sequence[str] = ()) -> Server:
    """MLflow on a database, its artefacts in ``folder``, with ``more`` options."""
    port = free_port()
    words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", store, "--artifacts-destination", str(folder / "artefacts"), "--serve-artifacts"]
    words += more
    return Server(words, f"http://127.0.0.1:{port}/health", folder / "mlflow.log")


def s3_server(folder: Path) -> Server:
    """An S3 that keeps everything in memory (moto)."""
    port = free_port()
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return Server(words, f"http://127.0.0.1:{port}/moto-api/", folder / "s3.log")


def sftp_server(folder: Path, password: str) -> Server:
    """SSH's file transfer, rooted in ``folder``."""
    port = free_port()
    (folder / "files").mkdir()
    words = [sys.executable, "-m", "harness.testing.sftp", str(folder / "files"), str(port), password]
    return Server(words, f"tcp://127.0.0.1:{port}", folder / "sftp.log")


def postgres_programs() -> Path | None:
    """Where this machine has PostgreSQL's programs; Debian keeps them off the path."""
    found = shutil.which("pg_ctl")
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), *([Path(found).resolve().parent] if found else [])]
    return next((folder for folder in reversed(folders) if (folder / "createdb").exists()), None)


@contextmanager
def postgres(programs: Path) -> Iterator[str]:
    """A fresh database cluster; yields the address of its database ``mlflow``.

    PostgreSQL refuses to run as root: then the user ``postgres`` of Debian's package runs it.
    """
    user = "postgres" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="harness-postgres-"))
    port = free_port()

    def call(*words: str) -> None:
        done = subprocess.run([str(programs / words[0]), *words[1:]], user=user, cwd=folder, capture_output=True)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()

    if user:
        shutil.chown(folder, user)
    data, log = str(folder / "data"), str(folder / "log")
    try:
        call("initdb", "--pgdata", data, "--auth", "trust", "--username", "mlflow", "--encoding", "UTF8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        call("pg_ctl", "--pgdata", data, "--log", log, "--wait", "--options", options, "start")
        call("createdb", "--host", "127.0.0.1", "--port", str(port), "--username", "mlflow", "mlflow")
        yield f"postgresql://mlflow@127.0.0.1:{port}/mlflow"
    finally:
        if Path(data, "postmaster.pid").exists():
            call("pg_ctl", "--pgdata", data, "--mode", "immediate", "--wait", "stop")
        shutil.rmtree(folder, ignore_errors=True)
