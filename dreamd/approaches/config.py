"""The sizes that make a model what it is: who has the same shape shares weights.

Settings give the shape of each approach's model; checkpoints carry theirs. Light enough for
the daemon's main process, which never loads PyTorch.
"""

from dataclasses import dataclass, replace

from dreamd.settings import PAPER_RATE, multiple


@dataclass(frozen=True)
class ModelConfig:
    """All that fixes the shapes of a model's weights, and the rate they were made for."""

    approach: str
    rate: int
    vector: int
    window: int
    hidden: int
    layers: int = 1
    residual: bool = False
    frame: int = 0  # samples in the analysis frame; spectrum only
    bands: int = 1  # into which the sound is split; transpose and column at high rates only
    channels: int = 1  # of the sound: 2 are left and right

    @property
    def name(self) -> str:
        """The name of the model's folder: the same config, the same folder.

        >>> ModelConfig("column", 11025, 1024, 8, 128).name
        'column-11025-v1024-n8-h128-l1'
        >>> ModelConfig("column", 44100, 4096, 8, 128, bands=4).name
        'column-44100-v4096-n8-h128-l1-b4'
        >>> ModelConfig("vector", 11025, 1024, 8, 128, channels=2).name
        'vector-11025-v1024-n8-h128-l1-c2'
        """
        name = f"{self.approach}-{self.rate}-v{self.vector}-n{self.window}-h{self.hidden}"
        name += f"-l{self.layers}{'r' if self.residual else ''}"
        name += f"-f{self.frame}" if self.frame else ""
        name += f"-b{self.bands}" if self.bands > 1 else ""
        return name + (f"-c{self.channels}" if self.channels > 1 else "")

    @property
    def width(self) -> int:
        """Numbers in a vector: ``V`` of each channel."""
        return self.vector * self.channels

    @property
    def usual(self) -> "ModelConfig":
        """The model of :data:`PAPER_RATE`, of one channel, that spans the same time.

        >>> ModelConfig("spectrum", 48000, 1024, 8, 128, frame=4096).usual.name
        'spectrum-11025-v256-n8-h128-l1-f1024'
        """
        lengths = {name: getattr(self, name) // multiple(self.rate) for name in ("vector", "frame")}
        return replace(self, rate=PAPER_RATE, bands=1, channels=1, **lengths)
