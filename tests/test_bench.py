"""The bench's parts run and print tables; its figures are nobody's assertion."""

import json
from pathlib import Path

import pytest
import torch

from dreamd.experiments import bench, bench_dreams, bench_processes, timing
from dreamd.kernels import sliding_lstm


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(timing, "in_turn", lambda *works, rounds=1: [
        timing.seconds(work) for work in works])  # fmt: skip
    with torch.no_grad():
        yield


def test_every_part_prints_a_table_and_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_dreams, "SIZES", bench_dreams.SIZES[:1])
    monkeypatch.setattr(bench_dreams, "DREAMT_SECONDS", 0.1)
    monkeypatch.setattr(bench_processes, "SHARE_SECONDS", 0.1)
    parts = list(bench.report())
    for part in parts:
        assert "nan" not in str(part)
        assert "|---|" in str(part)
    for _ in range(2):
        bench.record(tmp_path, timing.machine(), parts)
    page = (tmp_path / "performance.md").read_text()
    assert page.startswith("# Performance")
    assert "billion multiply-adds" in page
    assert page.count("### ") == len(parts)
    first, second = (tmp_path / "performance.jsonl").read_text().splitlines()
    assert first == second or json.loads(first)["parts"] == json.loads(second)["parts"]
    assert json.loads(first)["parts"]["Training"][0] == parts[-1].head


def test_multiply_adds_are_counted_as_the_formulas_say() -> None:
    counts = sliding_lstm.multiply_adds(1024, 8, 128)
    assert counts["literal"] == 8 * 512 * (1024 + 128)
    assert counts["reordered"] == 512 * 1024 + 8 * 512 * 128
    assert counts["recurrence"] == 7 * 512 * 128
