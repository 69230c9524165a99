"""What is handed to Dask: a task's name and its parcel, pickled.

The scheduler looks at every task. This module is all that it imports for that, and the parcel stays
closed there: a scheduler needs no PyTorch, and has no use for anybody's recordings.
"""

import pickle
from importlib import import_module
from typing import Any

TASKS = "dreamd.cluster.tasks"


def call(name: str, parcel: bytes) -> Any:
    """On a worker: what the task of this name makes of its parcel."""
    return getattr(import_module(TASKS), name)(pickle.loads(parcel))
