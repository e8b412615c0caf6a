"""Real data sets in miniature, to the letter of their documentation, from drawn silhouettes."""

from __future__ import annotations

import io
import json
import pickle
import random
import shutil
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

FRAMES = 6


def mask(seed: int, frame: int, rows: int = 60, columns: int = 80) -> np.ndarray:
    """Somebody on a frame uint8[rows,columns], walking to the right; who it is follows from the seed."""
    rng = np.random.default_rng(seed)
    tall, wide = int(rng.integers(18, 24)), int(rng.integers(4, 9))
    out = np.zeros((rows, columns), dtype=np.uint8)
    x = columns // 3 + 2 * (frame % 13)
    cv2.ellipse(out, (x, rows // 2), (wide + frame % 3, tall), float(rng.uniform(0, 8)) + frame % 7, 0, 360, 255, -1)
    cv2.circle(out, (x, rows // 2 - tall), 5, 255, -1)
    return out


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def walk(
    folder: Path, seed: int, frames: int = FRAMES, stem: str = "", digits: int = 3, side: int | None = None
) -> None:
    """Writes the frames of one sequence; ``side``: cut to a square of that size, as GREW's are."""
    folder.mkdir(parents=True)
    for number in range(1, frames + 1):
        image = mask(seed, number)
        if side:
            image = cv2.resize(image[:, 10:70], (side, side), interpolation=cv2.INTER_NEAREST)
        (folder / f"{stem}{number:0{digits}d}.png").write_bytes(png(image))


def casia_b(root: Path, subjects: Iterable[int] = (1, 2, 75, 76), views: Iterable[str] = ("000", "090")) -> Path:
    """``GaitDatasetB-silh/<001>/<nm-01>/<000>/<001-nm-01-000-001>.png``."""
    conditions = ("nm-01", "nm-02", "nm-03", "nm-04", "nm-05", "nm-06", "bg-01", "bg-02", "cl-01", "cl-02")
    top = root / "GaitDatasetB-silh"
    for s in subjects:
        for c, condition in enumerate(conditions):
            for v, view in enumerate(views):
                stem = f"{s:03d}-{condition}-{view}-"
                walk(top / f"{s:03d}" / condition / view, 1000 * s + 10 * c + v, stem=stem)
    return top


def oumvlp(root: Path, subjects: Iterable[int] = (1, 2, 3, 4)) -> Path:
    """``Silhouette_<view>-<sequence>/<subject>/<frame>.png``."""
    top = root / "OUMVLP-raw"
    for v, view in enumerate((*range(0, 91, 15), *range(180, 271, 15))):
        for c in (0, 1):
            for s in subjects:
                walk(top / f"Silhouette_{view:03d}-{c:02d}" / f"{s:05d}", 1000 * s + 50 * c + v, frames=3, digits=4)
    return top


def outdoor_gait(root: Path, subjects: Iterable[int] = (1, 2, 70, 71)) -> Path:
    """``<subject>/<scene1_nm_L_090_1>/<frame>.png``."""
    top = root / "OutdoorGait"
    for s in subjects:
        for scene in (1, 2, 3):
            for wear in ("nm", "bg", "cl"):
                for i in (1, 2, 3, 4):
                    seed = 1000 * s + 100 * scene + 10 * ("nm", "bg", "cl").index(wear) + i
                    walk(top / f"{s:03d}" / f"scene{scene}_{wear}_L_090_{i}", seed, frames=3)
    return top


def grew(root: Path, train: int = 3, test: int = 12, probes: int = 5) -> Path:
    """``train/<id>/<sequence>/``, ``test/gallery/<id>/<sequence>/``, ``test/probe/<sequence>/`` and the rest."""
    rng = random.Random(3)
    top = root / "GREW"

    def name() -> str:
        return "".join(rng.choices("0123456789ABCDEFGHabcdefgh", k=8))

    for s in range(1, train + 1):
        for _ in range(3):
            _grew_walk(top / "train" / f"{s:05d}" / name(), s)
    for s in range(1, test + 1):
        for _ in range(2):
            _grew_walk(top / "test" / "gallery" / f"{s:05d}" / name(), 100 + s)
    for _ in range(probes):
        _grew_walk(top / "test" / "probe" / name(), 100 + rng.randint(1, test))
    return top


def _grew_walk(folder: Path, seed: int) -> None:
    walk(folder, seed, frames=5, digits=5, side=64)
    (folder / "00001_2d_pose.txt").write_text("0,0,1")
    (folder.parent / f"{folder.name}_gei.png").write_bytes(png(mask(seed, 0)))


def opengait(root: Path, keys: Iterable[tuple[str, str, str]], width: int = 64) -> Path:
    """``<subject>/<condition>/<view>/<view>.pkl``, uint8 [T,64,width]."""
    top = root / "pkl"
    for number, (subject, condition, view) in enumerate(keys):
        folder = top / subject / condition / view
        folder.mkdir(parents=True)
        frames = np.stack([cv2.resize(mask(number, f), (width, 64)) for f in range(7)])
        (folder / f"{view}.pkl").write_bytes(pickle.dumps(frames))
    return top


def pack(folder: Path, target: Path, order: int | None = None, inside: str | None = None) -> Path:
    """A .zip, .tar or .tgz of a folder, in it called ``inside`` (default: its own name); ``order`` shuffles members."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if order is not None:
        random.Random(order).shuffle(files)
    prefix = folder.name if inside is None else inside
    named = [(path, f"{prefix}/{path.relative_to(folder).as_posix()}".lstrip("/")) for path in files]
    return write_archive(target, ((name, path.read_bytes()) for path, name in named))


def write_archive(target: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    """An archive of the kind that its name says, with members of any name."""
    if target.suffix == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members:
                archive.writestr(name, data)
        return target
    with tarfile.open(target, "w" if target.suffix == ".tar" else "w:gz") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target


def pack_subjects(top: Path) -> None:
    """Puts each subject's folder into a tar.gz of its own, as the official zip has it."""
    for folder in sorted(path for path in top.iterdir() if path.is_dir()):
        pack(folder, top / f"{folder.name}.tar.gz")
        shutil.rmtree(folder)


def partition(path: Path, train: list[str], test: list[str]) -> Path:
    """A partition file in OpenGait's form."""
    path.write_text(json.dumps({"TRAIN_SET": train, "TEST_SET": test}))
    return path
