"""The mirror in MLflow: sent once, whole, with steps; a dead server is one line."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from recorded import condition_score

from harness.data.sets import protocol_of
from harness.errors import UserError
from harness.files import read_json
from harness.layout import RunName, events, provenance, result
from harness.tracking import mlflow
from harness.tracking.mlflow import EXPERIMENT, sync, tracking_uri
from harness.tracking.records import write_result

INPUTS = {
    "method": "cc",
    "backbone": {"name": "gaitset", "channels": [8, 16, 32]},
    "dataset": "target",
    "seed": 0,
    "params": {"methods.cc": {"n": 15, "few_clusters": "shrink"}, "assumed.support-size": "a+1"},
    "store": "cd" * 32,
    "parent": None,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def client(store):
    from mlflow import MlflowClient

    return MlflowClient(store)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def record(run_id, suite="smoke", seed=0, scores=True):
    """One run as train and evaluate leave it; its second epoch is reported twice, the last event is cut off."""
    name = RunName(suite, "cc", "gaitset", "target", seed)
    about = {"run_id": run_id, "inputs": {**INPUTS, "seed": seed}, "commit": "none", "seconds": 2.5}
    about["environment"] = {"cpu": "test", "gpu": None}
    write(provenance(suite, name.stem), json.dumps(about))
    write(name.epochs, json.dumps({"run_id": run_id, "epochs": []}))
    lines = [{"kind": "start", "time": 100.0}]
    lines += [{"kind": "epoch", "time": 101.0 + i, "metrics": {"epoch": e, "loss": loss, "seconds": 1.0}}
              for i, (e, loss) in enumerate([(0, 3.0), (1, 9.0), (1, 2.0)])]  # fmt: skip
    write(events(run_id), "".join(json.dumps(line) + "\n" for line in lines) + '{"kind": "ep')
    if scores:
        key = {"suite": suite, "dataset": "target", "backbone": "gaitset", "method": "cc", "seed": seed}
        key |= {"run_id": run_id, "store": "cd" * 32, "distance": "cosine", "protocol": asdict(protocol_of("casia-b"))}
        rng = np.random.default_rng(seed)
        write_result(
            result(suite, "cc", "gaitset", "target", seed), key, {c: condition_score(rng, 0.5) for c in ("NM", "CL")}
        )


def scored(condition="NM"):
    """A mean in the score file of seed 0."""
    return read_json(result("smoke", "cc", "gaitset", "target", 0))["metrics"][f"rank1_{condition}"]


def copies(client, run_id):
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    return client.search_runs([experiment], f"tags.run_id = '{run_id}'")


def test_sends_once_and_whole(here, store, client, monkeypatch):
    record("a0" * 8)
    record("a1" * 8, seed=1)
    assert sync("smoke", store) == (2, 0)
    assert sync("smoke", store) == (0, 2)
    (run,) = copies(client, "a0" * 8)
    assert run.data.tags["complete"] and run.data.tags["mlflow.runName"] == "cc-gaitset-target-s0"
    assert run.info.status == "FINISHED"
    assert run.data.params["params.methods.cc.n"] == "15" and run.data.params["seed"] == "0"
    assert run.data.metrics["target_rank1_CL"] == scored(condition="CL") and run.data.metrics["training_seconds"] == 2.5
    assert {a.path for a in client.list_artifacts(run.info.run_id)} == {"epochs", "provenance", "scores"}
    assert run.data.tags["group"] == "smoke/cc-gaitset-target" and run.data.tags["variant"] == ""
    address = mlflow.address_of("smoke", "cc-gaitset-target-s0", "a0" * 8)
    assert "not mirrored yet" in address  # to the default store, that is
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    assert run.info.run_id in mlflow.address_of("smoke", "cc-gaitset-target-s0", "a0" * 8)
    assert "not mirrored yet" in mlflow.address_of("smoke", "cc-gaitset-target-s0", "ff" * 8)


def test_mlflow_opens_on_the_runs_and_compares_scores_first(here, store, client):
    assert mlflow.runs_page(store, "http://127.0.0.1:5000") == "http://127.0.0.1:5000"
    found = client.get_experiment_by_name(EXPERIMENT)
    number = found.experiment_id if found else client.create_experiment(EXPERIMENT)
    client.set_experiment_tag(number, "mlflow.experimentKind", "no_inferred_type")  # as MLflow guesses
    record("b1" * 8)
    sync("smoke", store)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    page = f"http://127.0.0.1:5000/#/experiments/{experiment.experiment_id}/runs"
    assert mlflow.runs_page(store, "http://127.0.0.1:5000/") == page
    (run,) = copies(client, "b1" * 8)
    assert list(run.data.metrics)[:2] == ["target_rank1_NM", "target_rank1_CL"]


def test_metrics_have_steps_and_the_last_report_of_an_epoch_counts(here, store, client):
    record("b0" * 8)
    sync("smoke", store)
    (run,) = copies(client, "b0" * 8)
    history = client.get_metric_history(run.info.run_id, "loss")
    assert sorted((m.step, m.value, m.timestamp) for m in history) == [(0, 3.0, 101000), (1, 2.0, 103000)]
    assert "epoch" not in run.data.metrics


def test_an_incomplete_copy_is_replaced(here, store, client):
    record("c0" * 8)
    sync("smoke", store)
    (half,) = copies(client, "c0" * 8)
    client.delete_tag(half.info.run_id, "complete")
    assert sync("smoke", store) == (1, 0)
    (whole,) = copies(client, "c0" * 8)
    assert whole.info.run_id != half.info.run_id and whole.data.tags["complete"]


def test_a_run_that_was_scored_later_is_sent_again(here, store, client):
    record("d0" * 8, scores=False)
    assert sync("smoke", store) == (1, 0)
    record("d0" * 8)
    assert sync("smoke", store) == (1, 0)
    (run,) = copies(client, "d0" * 8)
    assert run.data.metrics["target_rank1_NM"] == scored()


def test_suites_do_not_mix_and_no_run_is_no_fault(here, store, client):
    record("e0" * 8, suite="walkers")
    assert sync("smoke", store) == (0, 0)
    assert copies(client, "e0" * 8) == []


def test_a_run_that_two_suites_share_is_sent_for_each(here, store, client):
    """Its score files name their suite, so that one of them would pass for an old copy of the other."""
    for suite in ("walkers", "smoke"):
        record("e1" * 8, suite=suite)
        assert sync(suite, store) == (1, 0)
    assert sync("smoke", store) == (0, 1) and sync("walkers", store)[0] == 0
    assert {run.data.tags["suite"] for run in copies(client, "e1" * 8)} == {"smoke", "walkers"}


@pytest.mark.parametrize("text", ['{"run_id": "f0f', "{}", "[]"])
@pytest.mark.parametrize(
    "path", [provenance("smoke", "cc-gaitset-target-s0"), result("smoke", "cc", "gaitset", "target", 0)]
)
def test_a_broken_file_is_named(here, store, path, text):
    record("f0" * 8)
    path.write_text(text)
    with pytest.raises(UserError, match=r"cc-gaitset-target-s0\.json"):
        sync("smoke", store)


def test_a_damaged_store_is_one_line(here):
    record("f1" * 8)
    (here / "bad.db").write_text("this is no database " * 100)
    with pytest.raises(UserError) as caught:
        sync("smoke", f"sqlite:///{here / 'bad.db'}")
    assert "bad.db" in str(caught.value) and "\n" not in str(caught.value)


def test_which_store(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri() == "sqlite:///mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert tracking_uri() == "http://127.0.0.1:5000"


@pytest.mark.slow
def test_a_dead_server_is_one_line_and_soon(here, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    record("ff" * 8)
    began = time.perf_counter()
    with pytest.raises(UserError) as caught:
        sync("smoke", "http://127.0.0.1:9")
    assert time.perf_counter() - began < 30
    assert "http://127.0.0.1:9 cannot be reached" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_server_that_never_answers_is_one_line_and_soon(here, monkeypatch):
    import socket

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    record("fe" * 8)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.perf_counter()
        with pytest.raises(UserError) as caught:
            sync("smoke", address)
    assert time.perf_counter() - began < 30
    assert f"{address} cannot be reached" in str(caught.value) and "\n" not in str(caught.value)


def test_an_address_is_shown_without_its_secret():
    assert mlflow.without_secret("https://me:secret@host:5000/x@y") == "https://host:5000/x@y"
    assert "secret" not in (mlflow.answers("http://me:secret@127.0.0.1:9") or "secret")
    for plain in ("sqlite:///mlflow.db", "sqlite:////data/a@b/mlflow.db", "http://127.0.0.1:5000", "mlruns"):
        assert mlflow.without_secret(plain) == plain
    secrets = ("u:pa/ss@host/db", "host/db?password=pass", "u:a@ss@host/db", "u:p?ss@host/db", "u:a/b?ss@w@host/db")
    for secret in secrets:
        assert mlflow.without_secret(f"mysql://{secret}") == "mysql://host/db"
    assert mlflow.without_secret("http://me:se/cret@host:5000") == "http://host:5000"


@pytest.mark.parametrize("text", ["[]", "{", '{"runs": []}'])
def test_a_broken_note_of_what_was_sent_is_none(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    path = mlflow._marker("smoke", mlflow.DEFAULT_URI)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert "not mirrored yet" in mlflow.address_of("smoke", "cc-gaitset-target-s0", "0" * 16)
