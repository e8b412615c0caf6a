"""Kills a preparation many times at random moments and shows that it ends with the digest of an undisturbed one.

Example: python tools/kill_preparation.py --kills 20
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from harness.bench.prepare import bench_set, make_raw
from harness.data.ingest import Request, prepare, working_folder
from harness.data.store import SequenceStore
from harness.errors import UserError


def pieces(work: Path) -> int:
    """How many pieces the journal of an unfinished preparation holds."""
    if not (work / "journal.sqlite").is_file():
        return 0
    with closing(sqlite3.connect(work / "journal.sqlite")) as db:
        known = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'piece'").fetchone()[0]
        return db.execute("SELECT count(*) FROM piece").fetchone()[0] if known else 0


def child(raw: Path, store: Path) -> int:
    """What is killed: a preparation in two processes; prints how many pieces it found done."""
    print(prepare(Request(bench_set(), raw, store), 2)["resumed"])
    return 0


def main() -> int:
    """Returns 0 when every digest is the same and nothing finished was done again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--sequences", type=int, default=300)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        return child(*given.child)
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        raw, store = Path(folder) / "raw", Path(folder) / "store"
        make_raw(raw, given.sequences, given.frames)
        archive = Path(shutil.make_archive(str(raw), "gztar", raw.parent, raw.name))
        began = time.monotonic()
        prepare(Request(bench_set(), raw, store), 2)
        whole = time.monotonic() - began
        digest = SequenceStore(store).digest
        print(f"undisturbed: {digest[:16]} in {whole:.1f} s")
        kills = finished = 0
        while kills < given.kills:
            source = (raw, archive)[finished % 2]
            shutil.rmtree(store, ignore_errors=True)
            done = 0
            while not (store / "store.json").is_file():
                before = pieces(working_folder(store))
                if before < done:
                    raise UserError(f"{done - before} finished piece(s) were lost")
                done = before
                command = [sys.executable, __file__, "--child", str(source), str(store)]
                process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                try:
                    out, _ = process.communicate(timeout=rng.uniform(0.2, whole) if kills < given.kills else None)
                    if process.returncode or int(out) != before:
                        raise UserError(f"ended with {process.returncode} and took up {out.strip()} of {before} pieces")
                except subprocess.TimeoutExpired:
                    process.kill()  # its processes notice by themselves
                    process.communicate()
                    kills += 1
                    print(f"kill {kills}: {pieces(working_folder(store))} of {given.sequences} done")
            SequenceStore(store).verify()
            finished += 1
            print(f"finished from a {'folder' if source == raw else '.tar.gz'}: {SequenceStore(store).digest[:16]}")
            if SequenceStore(store).digest != digest:
                return 1
    print(f"{kills} kills, {finished} finished preparations, one digest, nothing done twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
