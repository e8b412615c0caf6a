"""Starts a command in several processes on this machine, as ``torchrun`` does."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
import uuid
from pathlib import Path

import typer

from harness.errors import UserError

SPOKEN = "HARNESS_SPOKEN"
"""A path in the environment of processes that share a run: the one that makes this file says why they end."""


def in_company() -> bool:
    """Whether this process is one of several that share a run."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def may_speak() -> bool:
    """Whether this process is the one of its run that says why it ends: the first that knows, or of several that
    nobody here started (``torchrun``) the first in rank."""
    if path := os.environ.get(SPOKEN):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except OSError:
            return False
        return True
    return os.environ.get("RANK", "0") == "0"


def spoken(within: float = 3.0) -> bool:
    """Whether another process of this run says why they end, in ``within`` seconds: what befalls this one follows."""
    path, until = os.environ.get(SPOKEN), time.monotonic() + within
    while path and not Path(path).is_file() and time.monotonic() < until:
        time.sleep(0.05)
    return bool(path) and Path(path).is_file()


def launch(processes: int) -> None:
    """Runs this very command line in ``processes`` processes; when one fails or is killed, all end.

    Raises ``typer.Exit`` with the exit code of the process that failed first, which has said why.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    for name in logging.root.manager.loggerDict:
        if name.startswith("torch.distributed"):  # each has a level of its own; the processes say what there is to say
            logging.getLogger(name).setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",  # a machine's own name may lead nowhere, as in a container without network
        max_restarts=0,
        monitor_interval=0.2,
    )
    try:
        with tempfile.TemporaryDirectory(prefix="harness-") as folder:
            os.environ[SPOKEN] = str(Path(folder) / "spoken")
            elastic_launch(config, sys.executable)("-m", "harness.cli.app", *sys.argv[1:])
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        if failure.exitcode < 0:
            del os.environ[SPOKEN]  # nobody has spoken but we who are about to
            raise UserError(
                f"process {failure.local_rank} of {processes} was killed by signal {-failure.exitcode}, the others "
                "were stopped; the same command goes on from the last state"
            ) from None
        raise typer.Exit(failure.exitcode) from None
    except SignalException:  # the processes got it too, and have said how to go on
        raise SystemExit(130) from None
