"""Where to train: a GPU that there is, or the CPU. The trainer and the training process ask."""

import torch

from dreamd.errors import SetupError


def pick_device(wish: str) -> str:
    """``auto`` becomes the GPU that there is, or ``cpu``.

    Raises :class:`SetupError` where there is no such device.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wish == "auto":
        return next(device for device, here in there.items() if here)
    if not there[wish]:
        raise SetupError(f"--device {wish}: there is none here; leave the flag out")
    return wish
