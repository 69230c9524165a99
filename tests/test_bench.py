"""The bench's parts run and print tables; its figures are nobody's assertion."""

import pytest
import torch

from dreamd.experiments import bench, bench_dreams, timing
from dreamd.kernels import sliding_lstm


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(timing, "in_turn", lambda *works, rounds=1: [
        timing.seconds(work) for work in works])  # fmt: skip
    with torch.no_grad():
        yield


def test_every_part_prints_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_dreams, "SIZES", bench_dreams.SIZES[:1])
    monkeypatch.setattr(bench_dreams, "CONCURRENT_SECONDS", 0.1)
    for part in bench.report():
        assert "nan" not in part
        if part.startswith("###"):
            assert "|---|" in part
        else:
            assert "billion multiply-adds" in part


def test_multiply_adds_are_counted_as_the_formulas_say() -> None:
    counts = sliding_lstm.multiply_adds(1024, 8, 128)
    assert counts["literal"] == 8 * 512 * (1024 + 128)
    assert counts["reordered"] == 512 * 1024 + 8 * 512 * 128
    assert counts["recurrence"] == 7 * 512 * 128
