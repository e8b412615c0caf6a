"""``harness score``: other people's embeddings, the figures it gives and the files it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from folders import files

from harness.data.sets import protocol_of
from harness.evaluation.evaluate import score
from harness.types import SequenceLabels

CONDITIONS = {
    "casia-b": [*(f"nm-{i:02d}" for i in range(1, 7)), "bg-01", "bg-02", "cl-01", "cl-02"],
    "oumvlp": ["00", "01"],
    "outdoor-gait": [f"scene{s}-{c}-01" for s in (1, 2, 3) for c in ("nm", "bg", "cl")],
    "grew": ["01", "02", "03"],
}
VIEWS = {"casia-b": ("000", "018", "090"), "oumvlp": ("000", "075", "270"), "outdoor-gait": ("090",), "grew": ("x",)}


def people(protocol: str = "casia-b", subjects: int = 7, noise: float = 1.2) -> dict[str, np.ndarray]:
    """Arrays as ``harness score`` reads them: a point for each subject plus noise."""
    rng = np.random.default_rng(0)
    rows = [(s, c, v) for s in range(subjects) for c in CONDITIONS[protocol] for v in VIEWS[protocol]]
    centre = rng.normal(size=(subjects, 3, 4))
    points = np.stack([centre[s] for s, _, _ in rows]) + noise * rng.normal(size=(len(rows), 3, 4))
    subject, condition, view = (np.array([str(word) for word in column]) for column in zip(*rows))
    return {"embeddings": points.astype(np.float32), "subjects": subject, "conditions": condition, "views": view}


def write(arrays: dict[str, Any], name: str = "emb.npz") -> None:
    np.savez(name, **arrays)


def wanted(arrays: dict[str, np.ndarray], protocol: str, distance: str = "part-euclidean"):
    labels = SequenceLabels(arrays["subjects"], arrays["conditions"], arrays["views"])
    return score(torch.from_numpy(arrays["embeddings"]), labels, protocol_of(protocol), distance)


@pytest.mark.parametrize("distance", ["part-euclidean", "flat-euclidean", "cosine"])
@pytest.mark.parametrize("protocol", ["casia-b", "oumvlp"])
def test_figures_by_view(here, harness, protocol: str, distance: str):
    arrays = people(protocol)
    write(arrays)
    before = files()
    code, out, err = harness("score", "emb.npz", "--protocol", protocol, "--distance", distance, "--json", "out.json")
    assert code == 0 and err == "" and "NM" in out
    assert files().keys() - before.keys() == {"out.json"}
    figures, scores = json.loads(Path("out.json").read_text()), wanted(arrays, protocol, distance)
    assert list(figures) == ["rank1"] and list(figures["rank1"]) == list(scores)
    for condition, s in scores.items():
        got = figures["rank1"][condition]
        assert got["mean"] == s.mean and round(s.mean, 2) != s.mean
        assert got["per_view"] == dict(zip([str(int(v)) for v in VIEWS[protocol]], s.per_view.tolist()))
        assert got["matrix"] == s.rank1.tolist()
        assert got["probe_views"] == got["gallery_views"] == [str(int(v)) for v in VIEWS[protocol]]
        assert (got["probes"], got["unmatched"]) == (int(s.probes.sum()), 0)


def test_outdoor_gait_by_the_names_of_other_copies(here, harness):
    arrays = people("outdoor-gait")
    write(arrays)
    figures = json.loads(harness("score", "emb.npz", "--protocol", "outdoor-gait", "--json", "-")[1])
    spelt = ["L_" + name.replace("-01", "_1").replace("-", "_") for name in arrays["conditions"]]
    assert spelt[0] == "L_scene1_nm_1"
    write({**arrays, "conditions": np.array(spelt)}, "spelt.npz")
    code, out, err = harness("score", "spelt.npz", "--protocol", "outdoor-gait", "--json", "-")
    assert code == 0 and json.loads(out) == figures, err
    write({**arrays, "conditions": np.array(["scene1_xx_1", *spelt[1:]])}, "wrong.npz")
    code, _, err = harness("score", "wrong.npz", "--protocol", "outdoor-gait")
    assert code == 2 and "unknown condition 'scene1_xx_1'" in err


def test_every_figure_can_be_read_on_a_narrow_terminal(here, harness, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setitem(VIEWS, "casia-b", tuple(f"{view:03d}" for view in range(0, 181, 18)))
    arrays = people()
    write(arrays)
    out = harness("score", "emb.npz")[1]
    scores = wanted(arrays, "casia-b")
    assert "…" not in out
    for number, view in enumerate(range(0, 181, 18)):
        row = [str(view), *(f"{s.per_view[number]:.1f}" for s in scores.values())]
        assert row in [line.replace("│", " ").split() for line in out.splitlines()]
    assert f"{scores['CL'].mean:.1f}" in next(line for line in out.splitlines() if "rank-1" in line)


@pytest.mark.parametrize("protocol", ["outdoor-gait", "grew"])
def test_figures_without_views(here, harness, protocol: str):
    arrays = people(protocol, subjects=25)
    write(arrays)
    code, out, err = harness("score", "emb.npz", "--protocol", protocol, "--json", "-")
    assert code == 0 and err == ""
    figures, scores = json.loads(out), wanted(arrays, protocol)
    metrics = ["rank1"] if protocol == "outdoor-gait" else ["rank1", "rank5", "rank10", "rank20", "mAP", "mINP"]
    assert list(figures) == metrics
    for condition, s in scores.items():
        rank1 = figures["rank1"][condition]
        assert rank1["mean"] == s.mean and rank1["matrix"] == [[s.mean]] and rank1["per_view"] == {}
        for metric in metrics[1:]:
            value = s.precision[metric] if metric[0] == "m" else s.ranks[int(metric[4:])]
            assert figures[metric][condition] == {"mean": value}


def test_printing_json_writes_no_file(here, harness):
    write(people())
    before = files()
    code, out, _ = harness("score", "emb.npz", "--json", "-")
    assert code == 0 and files() == before
    assert set(json.loads(out)["rank1"]) == {"NM", "BG", "CL"}


@pytest.mark.parametrize(("word", "share"), [(None, 1.0), ("count", 1.0), ("skip", 7 / 6)])
def test_probes_whose_subject_the_gallery_lacks(here, harness, word: str | None, share: float):
    """With a subject of seven lost, skipping it makes every mean 7/6 of what counting it as wrong makes."""
    arrays = people()
    kept = ~((arrays["subjects"] == "4") & np.isin(arrays["conditions"], CONDITIONS["casia-b"][:4]))
    write({name: array[kept] for name, array in arrays.items()})
    extra = ("--unmatched", word) if word else ()
    figures = json.loads(harness("score", "emb.npz", "--json", "-", *extra)[1])["rank1"]
    counted = json.loads(harness("score", "emb.npz", "--json", "-", "--unmatched", "count")[1])["rank1"]
    for condition, got in figures.items():
        assert got["unmatched"] == 2 * 3 and got["probes"] == 7 * 2 * 3
        assert got["mean"] == pytest.approx(counted[condition]["mean"] * share, rel=1e-12)
    assert "6 probes miss their subject" in harness("score", "emb.npz", *extra)[1]


@pytest.mark.parametrize("change", [">f4", np.float16, np.float64, np.longdouble])
def test_other_floats(here, harness, change: Any):
    arrays = people()
    arrays["embeddings"] = arrays["embeddings"].astype(np.float16).astype(np.float32)
    write(arrays)
    plain = harness("score", "emb.npz", "--json", "-")
    write({**arrays, "embeddings": arrays["embeddings"].astype(change)})
    assert harness("score", "emb.npz", "--json", "-") == plain


def test_names_as_bytes_and_numbers(here, harness):
    arrays = people()
    write(arrays)
    plain = harness("score", "emb.npz", "--json", "-")
    names = {**arrays, "subjects": np.char.encode(np.char.add("é", arrays["subjects"]), "utf-8")}
    write({**names, "conditions": arrays["conditions"].astype("S"), "views": arrays["views"].astype(np.int64)})
    assert harness("score", "emb.npz", "--json", "-") == plain


def with_value(array: np.ndarray, at: int, value: Any) -> np.ndarray:
    array = array.copy()
    array[at] = value
    return array


BAD = {
    "wrong rank": (lambda a: {"embeddings": a["embeddings"][:, 0]}, "'embeddings' must be [N,P,D], it has shape"),
    "wrong rank of names": (lambda a: {"views": a["views"][:, None]}, "'views' must be [N], it has shape"),
    "lengths differ": (lambda a: {"subjects": a["subjects"][:-1]}, "differ in N"),
    "no names": (lambda a: {"views": None}, "array 'views' is missing"),
    "empty": (lambda a: {"embeddings": a["embeddings"][:0]}, "'embeddings' is empty"),
    "no parts": (lambda a: {"embeddings": a["embeddings"][:, :0]}, "'embeddings' is empty"),
    "NaN": (lambda a: {"embeddings": with_value(a["embeddings"], 7, np.nan)}, "NaN or infinity, first in row 7"),
    "infinity": (lambda a: {"embeddings": with_value(a["embeddings"], 8, -np.inf)}, "NaN or infinity, first in row 8"),
    "overflow": (lambda a: {"embeddings": a["embeddings"] * np.float32(1e20)}, "too large"),
    "beyond fp32": (lambda a: {"embeddings": a["embeddings"].astype(float) * 1e60}, "numbers that fp32 cannot hold"),
    "complex": (lambda a: {"embeddings": a["embeddings"] * 1j}, "'embeddings' must hold"),
    "words": (lambda a: {"embeddings": a["embeddings"].astype(str)}, "'embeddings' must hold"),
    "float names": (lambda a: {"views": a["views"].astype(float)}, "'views' must hold text"),
    "objects": (lambda a: {"subjects": a["subjects"].astype(object)}, "holds Python objects"),
    "unknown condition": (lambda a: {"conditions": with_value(a["conditions"], 3, "nm-9")}, "unknown condition 'nm-9'"),
    "unknown view": (lambda a: {"views": with_value(a["views"], 3, "017")}, "unknown view '017'"),
    "a view without a name": (lambda a: {"views": with_value(a["views"], 3, "")}, "unknown view ''"),
    "one subject": (lambda a: {"subjects": np.full_like(a["subjects"], "1")}, "one subject only"),
    "no gallery": (lambda a: {"conditions": np.full_like(a["conditions"], "nm-05")}, "no gallery sequence"),
    "no probe": (lambda a: {"conditions": np.full_like(a["conditions"], "nm-01")}, "no probe sequence"),
    "one view": (lambda a: {"views": np.full_like(a["views"], "090")}, "no gallery for the probes at 090 degrees"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays(refuses, case: str):
    change, message = BAD[case]
    arrays = people()
    arrays = {name: array for name, array in (arrays | change(arrays)).items() if array is not None}
    write(arrays)
    line = refuses("score", "emb.npz", "--json", "out.json")
    assert line.startswith("error: emb.npz: ") and message in line
    assert refuses("score", "emb.npz", "--json", "-") == line


def test_nobody_to_compare_with_when_skipping(refuses):
    arrays = people()
    gallery = np.isin(arrays["conditions"], CONDITIONS["casia-b"][:4])
    arrays["subjects"] = np.where(gallery, np.char.add("g", arrays["subjects"]), arrays["subjects"])
    write(arrays)
    assert "none of the probes' subjects is in the gallery" in refuses("score", "emb.npz", "--unmatched", "skip")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--protocol", "casia"), "unknown protocol 'casia'; did you mean 'casia-b'?"),
        (("--distance", "cosinus"), "unknown distance 'cosinus'; did you mean 'cosine'?"),
        (("--unmatched", "drop"), "unknown --unmatched 'drop'; known: count, skip"),
        (("--json", "folder"), "folder: is a folder"),
        (("--json", "emb.npz"), "emb.npz: is read too and would be lost; name another file to write"),
        (("--json", "emb.npz/out.json"), "cannot be written"),
    ],
)
def test_bad_words(refuses, words: tuple[str, ...], message: str):
    write(people())
    Path("folder").mkdir()
    Path("folder/mine").write_text("kept")
    assert message in refuses("score", "emb.npz", *words)


def spoil(kind: str) -> None:
    """Makes emb.npz something that is no archive of arrays."""
    path = Path("emb.npz")
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif kind == "byte":
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        path.write_bytes(content)
    elif kind == "single array":
        with open(path, "wb") as stream:
            np.save(stream, np.zeros((3, 3)))
    elif kind == "missing":
        path.unlink()
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes({"noise": bytes(range(256)), "nothing": b"", "text": b"embeddings"}[kind])


@pytest.mark.parametrize("kind", ["cut", "byte", "noise", "nothing", "text", "single array", "missing", "folder"])
def test_a_file_that_is_no_archive(refuses, kind: str):
    write(people())
    spoil(kind)
    assert refuses("score", "emb.npz", "--json", "out.json").startswith("error: emb.npz: ")


def test_an_array_that_claims_to_be_larger_than_memory(refuses):
    import zipfile

    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000, 1000), }"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile("emb.npz", "w") as archive:
        archive.writestr("embeddings.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        archive.writestr("subjects.npy", b"no array")
    assert "larger than memory, or damaged" in refuses("score", "emb.npz")
    with zipfile.ZipFile("emb.npz", "w") as archive:
        archive.writestr("embeddings.npy", b"no array")
    assert "'embeddings' is no array" in refuses("score", "emb.npz")
