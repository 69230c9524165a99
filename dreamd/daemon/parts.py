"""The parts of the daemon that those who answer requests and events all work with.

The server puts them together once; the router, the dispatcher and the admission of dreams have
them.
"""

from typing import NamedTuple

from dreamd.daemon.clients import Clients
from dreamd.daemon.dreams import Dreams
from dreamd.daemon.state import State
from dreamd.daemon.supervisor import Supervisor


class Parts(NamedTuple):
    """What is known, who hears of it, who works, and what becomes of dreams."""

    state: State
    clients: Clients
    supervisor: Supervisor
    dreams: Dreams
