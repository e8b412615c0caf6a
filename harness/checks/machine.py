"""Where arithmetic would run: device, faiss, BLAS, cores, memory and disk."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.checks.finding import Finding, fault, good, warning
from harness.clustering.knn import installed_faiss
from harness.config import Compute
from harness.errors import UserError
from harness.identity import cores, cpu_units

_GIB = 2**30


def device(compute: Compute | None = None) -> Finding:
    """Which device ``compute.device`` takes; without parameters what "auto" does."""
    try:
        import torch
    except ImportError as error:
        return fault("device", f"torch cannot be imported ({error})", "make setup")
    wanted = "auto" if compute is None else compute.device
    if wanted != "cpu" and torch.cuda.is_available():
        name, memory = torch.cuda.get_device_name(0), torch.cuda.get_device_properties(0).total_memory
        return good("device", f"{name}, {memory / _GIB:.0f} GiB; torch {torch.__version__}, CUDA {torch.version.cuda}")
    text = f"CPU, {cores()} core(s); torch {torch.__version__}"
    if wanted == "cpu":
        return good("device", f"{text}, as compute.device says")
    if wanted == "cuda":
        return fault("device", f"{text}, but compute.device is cuda", "set it to auto or cpu, or mend the GPU's driver")
    if torch.version.cuda is not None and any(Path("/dev").glob("nvidia[0-9]*")):
        return warning("device", f"{text}, but the GPU here is not usable", "compare `nvidia-smi` with torch's CUDA")
    return good("device", text)


def precision(compute: Compute) -> Finding:
    """Whether ``compute.precision`` is one that the device is fast in."""
    why = slow_bf16(compute)
    if why is None:
        return good("precision", f"{compute.precision}, as compute.precision says")
    return warning("precision", f"bf16, but {why}", "compute.precision: fp32 (other runs, other numbers)")


def slow_bf16(compute: Compute) -> str | None:
    """Why bf16 would be much slower than fp32 here; None where it is not asked for, or there are units for it."""
    if compute.precision != "bf16" or bf16_is_fast(compute.device):
        return None
    return f"this processor ({cpu_units()[0]}) has no units for it: about ten times slower than fp32"


def sees_gpu() -> bool:
    """Whether torch finds a GPU that it can use."""
    import torch

    return torch.cuda.is_available()


def bf16_is_fast(device: str) -> bool:
    """Whether bf16 is no slower than fp32 on ``device`` ("auto", "cpu" or "cuda").

    On processors without units for it oneDNN has good kernels where there is AVX512, else plain loops.
    """
    units = cpu_units()
    return (device != "cpu" and sees_gpu()) or len(units) > 1 or units[0] == "AVX512"


def faiss(compute: Compute | None = None) -> Finding:
    """Which faiss is here: needed where ``compute.knn`` is "faiss", else our own search does without it."""
    wanted = compute is not None and compute.knn == "faiss"
    lacking, otherwise = (fault, "or set compute.knn: auto") if wanted else (warning, "or leave it so")
    try:
        name = installed_faiss()
    except UserError as error:
        return fault("faiss", str(error), "install one of the extras cpu and gpu, not both")
    if name is None:
        return lacking("faiss", "not installed; our own search needs none", f"install one of the extras, {otherwise}")
    try:
        import faiss
    except Exception as error:
        return lacking("faiss", f"{name} cannot be imported ({error})", f"pip install it again, {otherwise}")
    return good("faiss", f"{name}, {getattr(faiss, 'get_num_gpus', int)()} GPU(s)")


def blas() -> Finding:
    """The libraries that multiply matrices, and how many threads each takes."""
    import numpy  # noqa: F401  # loads its BLAS
    from threadpoolctl import threadpool_info

    with contextlib.suppress(ImportError):
        import torch  # noqa: F401
    found = sorted(
        {f"{i['internal_api']} {i['version'] or ''}".strip() for i in threadpool_info() if i["user_api"] == "blas"}
    )
    return good("BLAS", f"{', '.join(found) or 'built into torch'}; a run pins compute.threads threads")


def memory_and_disk() -> Iterator[Finding]:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    if total < 4:
        yield warning(
            "memory", f"{total:.0f} GiB", "the smoke suite needs about 2 GiB for each job: harness run --jobs 1"
        )
    else:
        yield good("memory", f"{total:.0f} GiB")
    free = shutil.disk_usage(".").free / _GIB
    if free < 1:
        yield fault("disk", f"{free:.1f} GiB free here", "make room: the smoke suite writes about 1 GiB")
    else:
        yield good("disk", f"{free:.0f} GiB free here")
    if not os.access(".", os.W_OK):
        yield fault("disk", "this folder cannot be written", "mount a writable folder here, or go to one")
