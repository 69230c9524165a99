"""Real ghci and real Tidal ask for dreams: of a double of the daemon, and of the daemon.

Debian's ghc and libghc-tidal-dev are needed; where they are missing these tests fail and say so.
"""

import contextlib
import re
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import PATIENCE, Daemon, free_port, until
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from dreamd.daemon.queue import NEWEST_WAITING
from dreamd.osc import requests, steering, transport

pytestmark = pytest.mark.tidal

TIDAL = Path(__file__).parents[1] / "tidal"
MODULE, SCRIPT = TIDAL / "DreamRNN.hs", TIDAL / "DreamRNN.ghci"
BOOT, SET = TIDAL / "BootDreamRNN.hs", TIDAL / "dreams.tidal"
README = TIDAL.parent / "README.md"


@pytest.fixture(scope="module", autouse=True)
def tidal_is_installed() -> None:
    found = all(shutil.which(program) for program in ("ghc", "ghci"))
    if found:
        probe = ["ghc", "-v0", "-package", "tidal", "-e", "()"]
        found = subprocess.run(probe, capture_output=True, timeout=PATIENCE).returncode == 0
    if not found:
        pytest.fail("ghci with Tidal is missing: apt install ghc libghc-tidal-dev", pytrace=False)


# ---------------------------------------------------------------- a double of a server


class Receiver:
    """A UDP socket in the place of the daemon, or of SuperDirt."""

    def __init__(self, port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.listener: tuple[str, int] | None = None  # who is to hear what failed

    def next(self, seconds: float = PATIENCE) -> OscMessage | None:
        """The next message, bundled or not; None after so many seconds.

        Whoever wants to hear of failures says so again and again: that is none, but kept.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                packet, sender = self.socket.recvfrom(65536)
            except TimeoutError:
                return None
            if OscBundle.dgram_is_bundle(packet):
                packet = next(iter(OscBundle(packet))).dgram
            message = OscMessage(packet)
            if message.address != "/dream/notify":
                return message
            self.listener = sender
        return None

    def drain(self) -> None:
        """Forgets what has come so far."""
        self.socket.settimeout(0.01)
        with contextlib.suppress(TimeoutError):
            while True:
                self.socket.recv(65536)

    def request(self) -> dict[str, Any]:
        """The next request's keys and values, which must also please the daemon's parser."""
        message = self.next()
        assert message is not None, "no request came"
        assert message.address == "/dream/request"
        assert isinstance(requests.parse(message.address, message.params), requests.Request)
        return requests.pairs(message.params)

    def cancelled(self) -> list[Any]:
        """What is wanted no more, as soon as something is; requests may come before."""
        while (message := self.next()) is not None:
            if message.address == "/dream/cancel":
                return list(message.params)
        raise AssertionError("nothing was cancelled")

    def send(self, port: int, address: str, *arguments: int | str) -> None:
        builder = OscMessageBuilder(address)
        for argument in arguments:
            builder.add_arg(argument)
        self.socket.sendto(builder.build().dgram, ("127.0.0.1", port))


@pytest.fixture
def receiver() -> Iterator[Callable[[], Receiver]]:
    with contextlib.ExitStack() as stack:

        def make(port: int = 0) -> Receiver:
            new = Receiver(port)
            stack.callback(new.socket.close)
            return new

        yield make


@pytest.fixture
def daemon(receiver: Callable[[], Receiver]) -> Receiver:
    return receiver()


# ---------------------------------------------------------------- ghci


class Ghci:
    """A ghci that is typed into; what it prints goes to a file and should be nothing."""

    def __init__(self, folder: Path, ctrl: int | None = None) -> None:
        self.folder = folder
        self.ctrl = ctrl or free_port()  # Tidal's control port
        self.output = folder / "ghci.txt"
        with self.output.open("ab") as out:
            self.process = subprocess.Popen(
                ["ghci", "-ignore-dot-ghci", "-v0", "-XOverloadedStrings"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=folder,
            )

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def boot(self, daemon: int, superdirt: int) -> None:
        """Starts a session by our boot file, for other ports."""
        module = self._adapted(MODULE, {"57130": daemon})
        file = self._adapted(
            BOOT,
            {
                "~/.config/tidal/DreamRNN.hs": module,
                "oPort = 57120": f"oPort = {superdirt}, oBusPort = Nothing, oHandshake = False",
                "defaultConfig {": f"defaultConfig {{cCtrlPort = {self.ctrl}, ",
            },
        )
        self.type(f":script {file}")

    def script(self, daemon: int, superdirt: int) -> None:
        """Starts a session by a boot file that knows nothing of us, and then runs our script."""
        script = self._adapted(SCRIPT, {"57130": daemon})
        self.type(
            "import Sound.Tidal.Context\n"
            f"let dirt = superdirtTarget {{oPort = {superdirt}, oBusPort = Nothing}}\n"
            f"let config = defaultConfig {{cCtrlPort = {self.ctrl}, cVerbose = False}}\n"
            "tidal <- startStream config [(dirt {oHandshake = False}, [superdirtShape])]\n"
            "let [d1, d2, d3] = map (streamReplace tidal) [1, 2, 3]\n"
            "let hush = streamHush tidal\n"
            "let once = streamOnce tidal\n"
            f":script {script}"
        )

    def _adapted(self, path: Path, instead: dict[str, object]) -> Path:
        """A copy of one of our files with other words in the place of some."""
        text = path.read_text(encoding="utf-8")
        for old, new in instead.items():
            assert text.count(old) == 1, f"{path.name} says {old} {text.count(old)} times"
            text = text.replace(old, str(new))
        copy = self.folder / path.name
        copy.write_text(text, encoding="utf-8")
        return copy

    def printed(self) -> list[str]:
        """Tidal's "skip: N", when the machine is too busy for its clock, is no fault of ours; two
        streams may say so letter by letter in turn."""
        lines = self.output.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if not re.fullmatch(r"[skip: 0-9]*", line)]

    def forget(self) -> None:
        """What was printed until now was as it should be."""
        self.output.write_bytes(b"")

    def end(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.type(":quit")
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def ghci(tmp_path: Path, receiver: Callable[[], Receiver]) -> Iterator[Ghci]:
    """Ends before the receivers do, so that Tidal never sends to a closed port."""
    session = Ghci(tmp_path)
    yield session
    session.end()
    assert session.printed() == []


# ---------------------------------------------------------------- the files themselves


@pytest.mark.parametrize("extension", ["NoOverloadedStrings", "OverloadedStrings"])
def test_the_module_compiles_without_a_warning(extension: str, tmp_path: Path) -> None:
    command = [
        "ghc",
        "-Wall",
        "-Werror",
        "-fno-code",
        f"-X{extension}",
        "-outputdir",
        str(tmp_path),
    ]
    ran = subprocess.run(
        [*command, str(MODULE)], capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_script_holds_the_module_word_for_word() -> None:
    definitions = MODULE.read_text(encoding="utf-8").split("word for word.\n", 1)[1]
    assert definitions.count(" :: ") > 15
    assert definitions in SCRIPT.read_text(encoding="utf-8")


def test_every_key_of_the_protocol_is_a_parameter() -> None:
    text = MODULE.read_text(encoding="utf-8")
    # `dream` stands for `approach`; the daemon numbers the requests itself.
    # Its `gain` is the sample player's: a dream's is `dreamgain`. An event's dream has an end.
    # SuperDirt's own rate is told by its relay.
    others = {"approach", "id", "gain", "outrate"}
    keys = set(requests.REQUEST_KEYS) - others | {"dream", "dreamgain"}
    assert {key for key in keys if f'"{key}"' not in text.split("import", 1)[1]} == set()


def test_every_key_has_a_name_with_the_same_prefix() -> None:
    keys = set(requests.REQUEST_KEYS) - {"approach", "id", "outrate"}
    module = MODULE.read_text(encoding="utf-8")
    table = (TIDAL.parent / "docs" / "tidal.md").read_text(encoding="utf-8")
    for key in keys:
        assert re.search(rf"(?m)^dream{key} ", module), f"dream{key} is no parameter"
        assert f"`dream{key}`" in table, f"docs/tidal.md does not name dream{key}"


def test_the_boot_file_and_the_script_tell_the_same() -> None:
    told = SCRIPT.read_text(encoding="utf-8").split("-- Requests that come to nothing", 1)[1]
    assert told in BOOT.read_text(encoding="utf-8")


# ---------------------------------------------------------------- in the main stream


def test_once_asks_for_a_dream(ghci: Ghci, daemon: Receiver, receiver: Any) -> None:
    superdirt = receiver()
    ghci.boot(daemon.port, superdirt.port)
    ghci.type('once $ dream "transpose" # seed "guitar" # secs 2')
    got = daemon.request()
    assert (got["dream"], got["seed"], got["secs"]) == ("transpose", "guitar", 2.0)
    assert "seedn" not in got
    assert got["delta"] > 0  # the event's duration, for a request without secs


def test_what_is_no_dream_goes_to_superdirt_alone(
    ghci: Ghci, daemon: Receiver, receiver: Any
) -> None:
    superdirt = receiver()
    ghci.boot(daemon.port, superdirt.port)
    ghci.type('once $ sound "bd" # n 1')
    heard = superdirt.next()
    assert heard is not None
    assert requests.pairs(heard.params)["s"] == "bd"
    ghci.type('once $ seed "guitar" # secs 2\nonce $ dream "vector" # seed "noise"')
    assert daemon.request()["seed"] == "noise"
    assert daemon.next(1) is None
    assert superdirt.next(0.1) is None


def test_a_take_is_an_event_for_superdirt(ghci: Ghci, daemon: Receiver, receiver: Any) -> None:
    superdirt = receiver()
    ghci.boot(daemon.port, superdirt.port)
    ghci.type('once $ dreamrec "guitar" # secs 8 # dreamin 1')
    heard = superdirt.next()
    assert heard is not None
    said = requests.pairs(heard.params)
    assert (said["s"], said["voice"], said["secs"], said["dreamin"]) == ("dreamrec", "guitar", 8, 1)


def test_every_parameter_arrives_under_its_key(ghci: Ghci, daemon: Receiver, receiver: Any) -> None:
    ghci.boot(daemon.port, receiver().port)
    ghci.type(
        'once $ dream "spectrum" # seed "guitar:2" # seedat 1.5 # secs 3 # notes "60:64:67"'
        ' # dreamvoice "rain" # sampling "paused" # follow "rain:1" # followat 30'
        " # dreampace 0.5 # learn 0.25 # temperature 1 # wander 0.25 # outline 0.75"
        " # vector 512 # dreamsteps 2000"
        " # blend 0.75 # dreamrand 7"
    )
    got = daemon.request()
    assert requests.request(got) == requests.Request(
        approach="spectrum", secs=3.0, seed="guitar", seedn=2, seedat=1.5,
        notes=(60.0, 64.0, 67.0), voice="rain", sampling="paused", follow="rain:1",
        followat=30.0, pace=0.5, learn=0.25, temperature=1.0, wander=0.25,
        outline=0.75, vector=512, steps=2000,
        blend=0.75, rand=7,
    )  # fmt: skip
    assert type(got["vector"]) is type(got["rand"]) is int


def test_a_path_is_a_seed_even_with_spaces_and_colons(
    ghci: Ghci, daemon: Receiver, receiver: Any
) -> None:
    ghci.boot(daemon.port, receiver().port)
    ghci.type('once $ dream "column" # seedfile "C:/my takes/one: loud.wav"')
    assert daemon.request()["seed"] == "C:/my takes/one: loud.wav"


def test_a_pattern_asks_for_each_of_its_events(ghci: Ghci, daemon: Receiver, receiver: Any) -> None:
    ghci.boot(daemon.port, receiver().port)
    ghci.type('d1 $ dream "vector column" # seed "<guitar>" # seedn "3 5"')
    first, second = daemon.request(), daemon.request()
    ghci.type("hush")
    asked = {(got["dream"], got["seedn"]) for got in (first, second)}
    assert asked == {("vector", 3.0), ("column", 5.0)}
    assert first["delta"] == pytest.approx(second["delta"], rel=1e-3)


def test_steer_is_said_to_the_daemon_alone(ghci: Ghci, daemon: Receiver, receiver: Any) -> None:
    superdirt = receiver()
    ghci.boot(daemon.port, superdirt.port)
    ghci.type(
        'd1 $ steer "line" # temperature 0.5 # follow "<perc rain>" # dreamgain (-6) # gain 1'
    )
    for _ in range(4):
        message = daemon.next()
        assert message is not None
        steer = requests.parse(message.address, message.params)
        assert isinstance(steer, steering.Steer)
        assert steer.dream == "line"
        follow = ("perc", "rain")[int(requests.pairs(message.params)["cycle"]) % 2]
        assert steer.changes == {"temperature": 0.5, "follow": follow, "gain": -6.0}
    ghci.type('d1 silence\nonce $ steer "line" # seed "guitar:2" # lead 0.3')
    while (message := daemon.next()) is not None:
        steer = requests.parse(message.address, message.params)
        assert isinstance(steer, steering.Steer)
        if "seed" in steer.changes:
            assert steer.changes == {"seed": "guitar", "seedn": 2, "lead": pytest.approx(0.3)}
            break
    assert superdirt.next(0.5) is None


def test_a_dream_without_end_is_superdirt_s(ghci: Ghci, daemon: Receiver, receiver: Any) -> None:
    superdirt = receiver()
    ghci.boot(daemon.port, superdirt.port)
    ghci.type('once $ endless "line" # dream "column" # seed "guitar:2"\nonce $ ending "line"')
    begin, end = (requests.pairs(superdirt.next().params) for _ in range(2))
    said = {"s": "dreamstream", "name": "line", "dream": "column", "seed": "guitar", "seedn": 2.0}
    assert said.items() <= begin.items()
    assert {"s": "dreamstream", "name": "line", "ending": 1.0}.items() <= end.items()
    message = daemon.next()
    assert message is not None
    assert requests.parse(message.address, message.params) is None, "its relay asks"
    assert daemon.next(0.5) is None


# ---------------------------------------------------------------- in a stream of its own


def test_the_script_needs_no_boot_file_and_keeps_what_was_there(
    ghci: Ghci, daemon: Receiver, receiver: Any
) -> None:
    ghci.script(daemon.port, receiver().port)
    ghci.type('ask $ dream "transpose" # seed "guitar:2" # secs 2\nd1 silence')
    got = daemon.request()
    assert (got["dream"], got["seed"], got["seedn"], got["secs"]) == ("transpose", "guitar", 2, 2)


def test_asking_without_a_dream_sends_nothing(ghci: Ghci, daemon: Receiver, receiver: Any) -> None:
    ghci.script(daemon.port, receiver().port)
    ghci.type('ask $ seed "guitar" # secs 2\nask $ dream "vector" # seed "noise"')
    assert daemon.request()["seed"] == "noise"
    assert daemon.next(1) is None


def test_the_module_and_the_script_get_on(ghci: Ghci, daemon: Receiver, receiver: Any) -> None:
    ghci.boot(receiver().port, receiver().port)
    ghci.script(daemon.port, receiver().port)
    ghci.type('ask $ dream "vector" # seed "noise"')
    assert daemon.request()["seed"] == "noise"


def test_asking_goes_on_until_it_is_silenced(ghci: Ghci, daemon: Receiver, receiver: Any) -> None:
    ghci.script(daemon.port, receiver().port)
    ghci.type('asking $ fast 8 $ dream "column" # secs 1')
    first, second = daemon.request(), daemon.request()
    assert first["_id_"] == second["_id_"] == "asking"
    assert second["cycle"] > first["cycle"]
    ghci.type("asking silence")
    assert daemon.cancelled() == ["all", "asking"]
    assert daemon.next(1) is None, "after all that was on its way"


def test_failures_and_a_daemon_that_is_not_there_are_told(
    ghci: Ghci, receiver: Any, tmp_path: Path
) -> None:
    port = free_port()
    ghci.script(port, receiver().port)
    nobody = f"DreamRNN: no dreamd answers at 127.0.0.1:{port}; start one: dreamd run"
    until(lambda: ghci.printed() == [nobody])
    daemon = receiver(port)
    until(lambda: daemon.next(0.5) is None and daemon.listener is not None)
    for code, text in [
        ("cancelled", "its pattern has newer requests"), ("no-such-seed", "there is no guitar:7"),
        ("no-such-seed", "there is no guitar:7"), ("busy", "später"),
    ]:  # fmt: skip
        packet = transport.encode("/dream/failed", [1 << 30, code, text])
        daemon.socket.sendto(packet, daemon.listener)
    daemon.socket.sendto(transport.encode("/dream/chunk", [1, 0, 5]), daemon.listener)
    told = ["DreamRNN: no-such-seed: there is no guitar:7", "DreamRNN: busy: später"]
    until(lambda: ghci.printed() == [nobody, *told])
    ghci.forget()


def test_steering_steers_by_the_script(ghci: Ghci, daemon: Receiver, receiver: Any) -> None:
    ghci.script(daemon.port, receiver().port)
    ghci.type('steering $ fast 8 $ steer "line" # temperature (slow 4 saw)')
    first, second = (requests.pairs(daemon.next().params) for _ in range(2))
    assert first["steer"] == second["steer"] == "line"
    assert first["temperature"] != second["temperature"]
    ghci.type("steering silence")
    while daemon.next(1) is not None:
        pass


def test_the_script_run_again_ends_what_it_was_asking_for(
    ghci: Ghci, daemon: Receiver, receiver: Any
) -> None:
    ghci.script(daemon.port, receiver().port)
    ghci.type('asking $ fast 8 $ dream "column"')
    daemon.request()
    ghci.type(f":script {ghci.folder / SCRIPT.name}")
    assert daemon.cancelled() == ["all", "asking"]
    ghci.type('ask $ dream "vector"')
    assert daemon.request()["dream"] == "vector"


def test_requests_that_nobody_hears_are_said_and_do_not_end_the_stream(
    ghci: Ghci, receiver: Any
) -> None:
    port = free_port()
    ghci.script(port, receiver().port)
    deadline = time.monotonic() + PATIENCE
    while "Connection refused" not in "".join(ghci.printed()):
        assert time.monotonic() < deadline
        ghci.type('ask $ dream "vector"')
        time.sleep(0.2)
    until(lambda: any("no dreamd answers" in line for line in ghci.printed()))
    daemon = receiver(port)
    ghci.type('asking $ fast 4 $ dream "column"')
    while daemon.request()["dream"] != "column":
        pass
    ghci.type("asking silence")
    expected = ("Connection refused", "no dreamd answers")
    assert all(any(each in line for each in expected) for line in ghci.printed())
    ghci.forget()


# ---------------------------------------------------------------- what a performer evaluates


def blocks_of_the_set() -> list[str]:
    """The blocks of dreams.tidal, as an editor would send them."""
    return blocks(SET.read_text(encoding="utf-8"))


def blocks_of_the_readme() -> list[str]:
    """What the README's section on Tidal has one type, once the script has run."""
    section = README.read_text(encoding="utf-8").split("\n## Tidal\n")[1].split("\n## ")[0]
    start, *rest = blocks("\n\n".join(re.findall(r"```haskell\n(.*?)```", section, re.DOTALL)))
    assert start == ":script ~/.config/tidal/DreamRNN.ghci"
    return rest


def blocks(text: str) -> list[str]:
    """What empty lines part, without comments."""
    code = "\n".join("" if line.startswith("--") else line for line in text.splitlines())
    return [block.strip() for block in code.split("\n\n") if block.strip()]


@pytest.mark.parametrize(
    ("way", "find"),
    [("boot", blocks_of_the_set), ("script", blocks_of_the_set), ("script", blocks_of_the_readme)],
)
def test_every_block_runs(
    ghci: Ghci, daemon: Receiver, receiver: Any, way: str, find: Callable[[], list[str]]
) -> None:
    """One after the other; ghci complains of none, and each asks, plays or ends something."""
    superdirt = receiver()
    start = {"boot": ghci.boot, "script": ghci.script}[way]
    start(daemon.port, superdirt.port)
    asked = played = 0
    for block in find():
        ghci.type(f":{{\n{block}\n:}}")
        if block.startswith(("ask ", "asking $")):
            asked += 1
            daemon.request()
        elif block.startswith("steering $"):
            assert steers(daemon), f"it steers nothing: {block}"
        elif "endless" in block or "ending" in block:
            assert played_in_its_own_time(superdirt, "dreamstream"), block
        elif "sound" in block:
            played += 1
            played_by = block.split()[0].removeprefix("d")
            assert dream_played(superdirt, daemon, ghci, played_by), f"it plays nothing: {block}"
        else:
            assert block.endswith(" silence")
    assert asked >= 2
    assert played >= 3
    ghci.type("hush")


def steers(daemon: Receiver) -> bool:
    """Whether a /dream/set is among what the daemon is sent next."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        message = daemon.next(1)
        if message is not None and message.address == "/dream/set":
            return True
    return False


def played_in_its_own_time(superdirt: Receiver, sound: str) -> bool:
    """Whether this sound is among what SuperDirt is sent next."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        heard = superdirt.next(1)
        if heard is not None and requests.pairs(heard.params)["s"] == sound:
            return True
    return False


def dream_played(superdirt: Receiver, daemon: Receiver, ghci: Ghci, pattern: str) -> bool:
    """Whether this pattern asks SuperDirt for a dream, while Tidal is told of three."""
    superdirt.drain()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        daemon.send(ghci.ctrl, "/ctrl", "dreams", 3)
        daemon.send(ghci.ctrl, "/ctrl", "dreamlast", "dream:2")
        heard = superdirt.next(0.5)
        if heard is not None:
            event = requests.pairs(heard.params)
            assert event["s"] == "dream"
            if event["_id_"] == pattern:
                return True
    return False


# ---------------------------------------------------------------- the real daemon


@pytest.fixture
def real_daemon(tmp_path: Path, recordings: Path, ghci: Ghci) -> Iterator[Daemon]:
    """With small models, two recordings of the voice guitar, and ``ghci``'s control port."""
    control = f"127.0.0.1:{ghci.ctrl}"
    one = Daemon(tmp_path / "home", recordings, "--tidal", control, tidal=True)
    yield one
    one.stop()


def check_dream(done: list[Any]) -> None:
    """The file is there, half a second long, finite, and numbered."""
    _, path, frames, rate, _, index, _ = done
    samples, file_rate = soundfile.read(path, dtype="float32")
    assert (len(samples), file_rate) == (frames, rate)
    assert frames == round(rate / 2)
    assert np.isfinite(samples).all()
    assert Path(path).name == f"{index:05d}.wav"


def test_ghci_asks_the_daemon_and_the_files_appear(
    ghci: Ghci, real_daemon: Daemon, receiver: Any
) -> None:
    for _ in range(2):
        real_daemon.wait("/dream/ingested")
    ghci.boot(real_daemon.port, receiver().port)
    ghci.type('once $ dream "transpose" # seed "guitar" # secs 0.5')
    check_dream(real_daemon.wait("/dream/done"))
    ghci.type('d1 $ dream "vector column" # notes "60:64" # secs 0.5')
    for _ in range(2):
        check_dream(real_daemon.wait("/dream/done"))
    ghci.type("hush")
    ghci.script(real_daemon.port, receiver().port)
    ghci.type('ask $ dream "spectrum" # seed "guitar:0" # secs 0.5 # dreamrand 4711')
    real_daemon.until(lambda: "(rand 4711)" in real_daemon.said())


def hears(superdirt: Receiver, **wanted: object) -> None:
    """SuperDirt is played an event with these keys and values, sooner or later."""
    deadline = time.monotonic() + PATIENCE
    heard: dict[str, Any] = {}
    while time.monotonic() < deadline:
        message = superdirt.next(1)
        if message is not None:
            heard = requests.pairs(message.params)
            if wanted.items() <= heard.items():
                return
    pytest.fail(f"never heard {wanted}; the last event was {heard}")


PLAYING = """
d1 $ fast 4 $ sound dreamlast
d2 $ fast 4 $ sound "count" # pI "dreams" dreams
"""


def test_the_daemon_s_news_reach_patterns_whoever_starts_first_or_again(
    ghci: Ghci, real_daemon: Daemon, receiver: Any, tmp_path: Path
) -> None:
    real_daemon.wait("/dream/ingested")
    assert real_daemon.stop() == 0

    # Tidal is there first, and asks nobody.
    superdirt = receiver()
    ghci.boot(real_daemon.port, superdirt.port)
    ghci.type(PLAYING + 'once $ dream "vector" # secs 0.1')
    assert superdirt.next(2) is None, "what the daemon has not told is silent"

    real_daemon.start()
    hears(superdirt, s="count", dreams=0)
    ghci.type('once $ dream "vector" # secs 0.1')
    hears(superdirt, s="count", dreams=1)
    hears(superdirt, s="dream", n=0.0)

    # The daemon is killed in the middle, and comes back with its bank.
    real_daemon.kill()
    ghci.type('once $ dream "vector" # secs 0.1')
    real_daemon.start()
    ghci.type('once $ dream "vector" # secs 0.1')
    hears(superdirt, s="count", dreams=2)
    hears(superdirt, s="dream", n=1.0)

    # Tidal is started again: it hears of the bank although no dream is made.
    ghci.end()
    again = Ghci(tmp_path, ghci.ctrl)
    try:
        superdirt.drain()
        again.boot(real_daemon.port, superdirt.port)
        again.type(PLAYING)
        hears(superdirt, s="count", dreams=2)
        hears(superdirt, s="dream", n=1.0)
        again.type('once $ dream "vector" # secs 0.1')
        hears(superdirt, s="count", dreams=3)
    finally:
        again.end()
    said = set(ghci.printed())  # by both sessions, while the daemon was down
    nobody = f"DreamRNN: no dreamd answers at 127.0.0.1:{real_daemon.port}; start one: dreamd run"
    assert {line for line in said if "Connection refused" not in line} <= {nobody}
    ghci.forget()


def test_nothing_but_two_values_ever_reaches_tidal_s_control_port(
    ghci: Ghci, real_daemon: Daemon
) -> None:
    """A double of that port records every packet, and sends from it, as Tidal does."""
    one = real_daemon
    packets: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        control.bind(("127.0.0.1", ghci.ctrl))
        control.settimeout(0.1)
        for address, args in (
            ("/dream/notify", [1]), ("/dream/status", []), ("/dream/cancel", [99]),
            ("/dream/request", ["dream", "vector", "secs", 0.1, "_id_", "1"]),
            ("/dream/request", ["dream", "nonsense", "id", 1]), ("/dream/request", ["dream"]),
            ("/dream/request", ["dream", "vector", "voice", "nobody", "id", 2]),
            ("/dream/nonsense", []), ("/dream/pause", []), ("/dream/resume", []),
            ("/dirt/play", ["dream", "column", "secs", 0.1, "seed", "nobody:3"]),
        ):  # fmt: skip
            control.sendto(transport.encode(address, args), ("127.0.0.1", one.port))
        for garbage in (b"", b"garbage", b"/dream/request\0\0,T\0\0", b"#bundle\0" + b"\1" * 9):
            control.sendto(garbage, ("127.0.0.1", one.port))
        one.ask(id=3, approach="vector", secs=1e9)
        one.wait("/dream/failed", 3)
        one.wait("/dream/done")
        one.ask(id=4, approach="vector", secs=0.1)
        one.wait("/dream/done", 4)
        deadline = time.monotonic() + PATIENCE
        while not any(b"dreams" in p and p.endswith(struct.pack(">i", 2)) for p in packets):
            assert time.monotonic() < deadline, packets
            with contextlib.suppress(TimeoutError):
                packets.append(control.recv(65536))
        assert one.stop() == 0  # says more on its way out, to its other clients
        with contextlib.suppress(TimeoutError):
            while True:
                packets.append(control.recv(65536))
    assert all(packet.startswith(b"/ctrl\0\0\0,s") for packet in packets), packets
    said = [transport.decode(packet) for packet in packets]
    assert {tuple(args) for ((_, args),) in said} <= {
        ("dreams", 0), ("dreams", 1), ("dreams", 2),
        ("dreamlast", "dream:0"), ("dreamlast", "dream:1"),
    }  # fmt: skip
    assert {packet[8:12] for packet in packets} == {b",si\0", b",ss\0"}
    assert "Tidal's control port asked for replies, and gets none" in one.said()


def test_a_pattern_that_asks_too_often_keeps_its_newest_requests(
    ghci: Ghci, real_daemon: Daemon, receiver: Any
) -> None:
    real_daemon.wait("/dream/ingested")
    ghci.boot(real_daemon.port, receiver().port)
    ghci.type('asking $ fast 16 $ dream "transpose" # secs 60')
    real_daemon.until(
        lambda: "pattern asking asks faster than it can be answered" in real_daemon.said()
    )
    assert real_daemon.wait("/dream/failed")[1] == "cancelled"
    assert real_daemon.status()["queue"] == NEWEST_WAITING
    ghci.type('once $ dream "transpose" # secs 60\nasking silence')
    real_daemon.until(lambda: real_daemon.status()["queue"] == 0)
    assert real_daemon.status()["running"] == 1, "what was asked for besides, and nothing else"
