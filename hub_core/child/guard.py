"""The guard of a child.

It sets the limits that the child is under, and an audit hook that ends the child where its code
goes too far.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from hub_core.child import confine
from hub_core.errors import ConfigurationError

_REFUSED = 70  # exit code
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
Spots = tuple[tuple[int, int | None], ...]
_PLACES: dict[
    str, Spots
] = {  # audit event: where in its arguments paths stand, each with the folder it is taken from
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),),
    "shutil.rmtree": ((0, 1),),
}
_FILES: dict[str, Spots] = {  # the same, of what acts on the file at the end of a link
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "os.setxattr": ((0, None),),
    "os.removexattr": ((0, None),),
}
_STARTS = (
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "subprocess.Popen",
    "pty.spawn",
)
_SIGNALS = ("os.kill", "os.killpg")
_NEVER = {
    "os.exec": "become another program",
    "resource.setrlimit": "change its limits",
    "resource.prlimit": "change its limits",
}


class Guard:
    """What holds for one child: its limits, and the scratch folder and answers of its order."""

    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._on = self._may_start = False
        self._root, self._package = Path(), ""
        self._closed: tuple[str, ...] = ()
        self.token = ""  # of the order at hand

    def begin(self, order: dict[str, Any], room: dict[str, Any]) -> None:
        """Hold one order to its scratch folder; the first one puts the limits on, for good.

        ``room``: ``scratch`` of this order, ``scratches`` of all that will come, ``closed``, the
        places that it may not read, ``limits``, and ``user`` where the child runs as one of its
        own. Raises ConfigurationError where that user cannot read what the order names.
        """
        self._package, self._root = order["plugin"]["root"], Path(os.path.realpath(room["scratch"]))
        self._closed = tuple(os.path.realpath(place) + os.sep for place in room["closed"])
        if room["user"]:
            _check_readable(room["user"], {"scratch": room["scratch"], **order})
        temporary = self._root / "tmp"
        if not self._on:
            sys.dont_write_bytecode = True
            limits = room["limits"]
            confine.set_limits(limits["memory_mb"], limits["file_mb"], own_user=bool(room["user"]))
        temporary.mkdir(exist_ok=True)
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        os.chdir(self._root)
        if not self._on:
            confine.drop_privileges()
            confine.limit_writes_to(room["scratches"])
            sys.addaudithook(self._hook())
            self._on = True

    def allow_process_start(self) -> None:
        """Allow this process to start others, and say so to the hub.

        A connector of the order needs it, and a trusted package says so.
        """
        self._may_start = True
        self.send({"starts": True})

    def send(self, message: dict[str, Any]) -> None:
        """Write one line where answers go."""
        line = f"\n{self.token}{json.dumps(message, ensure_ascii=False)}\n".encode()
        while line:
            line = line[os.write(self._answers, line) :]

    def refuse(self, why: str) -> NoReturn:
        """End the process after its reason is sent."""
        try:
            self.send({"refused": why})
        except OSError:  # the answers' pipe is closed
            os.write(2, why.encode())
        finally:
            os._exit(_REFUSED)

    def _hook(self) -> Callable[[str, tuple[Any, ...]], None]:
        """Return the function that is called at each audit event.

        For most events it is a look into a table, and no more.
        """
        checks: dict[str, Callable[[str, tuple[Any, ...]], None]] = {
            "sqlite3.connect": self._check_connect
        }
        checks |= dict.fromkeys((*_PLACES, *_FILES), self._check_change) | dict.fromkeys(
            _STARTS, self._check_start
        )
        checks |= dict.fromkeys(_SIGNALS, self._check_signal) | dict.fromkeys(
            _NEVER, self._refuse_always
        )
        check_of, check_open, check_read = checks.get, self._check_open, self._check_read

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "open":
                if arguments[2] & _WRITES:
                    check_open(event, arguments)
                else:
                    check_read(arguments[0])
            elif check := check_of(event):
                check(event, arguments)

        return hook

    def _check_open(self, event: str, arguments: tuple[Any, ...]) -> None:
        self._check_inside(event, arguments[0], None, follow_last=True)

    def _check_read(self, path: Any) -> None:
        if not isinstance(
            path, int
        ) and f"{os.path.realpath(os.fsdecode(path))}{os.sep}".startswith(self._closed):
            what = f"tried to read secrets of the hub: {os.fsdecode(path)} (open{self._line()})"
            self.refuse(f"{what}, and was ended; its author must name its own as secret:NAME")

    def _check_change(self, event: str, arguments: tuple[Any, ...]) -> None:
        follow_last = event in _FILES
        for place, folder in (_FILES if follow_last else _PLACES)[event]:
            self._check_inside(
                event,
                arguments[place],
                None if folder is None else arguments[folder],
                follow_last=follow_last,
            )

    def _check_connect(self, event: str, arguments: tuple[Any, ...]) -> None:
        name = os.fsdecode(arguments[0])
        path, _, options = name.removeprefix("file:").partition("?")
        if name not in ("", ":memory:") and not (
            name.startswith("file:") and "mode=ro" in options.split("&")
        ):
            self._check_inside(
                event, path if name.startswith("file:") else name, None, follow_last=True
            )

    def _check_inside(
        self, event: str, path: Any, folder: int | None, *, follow_last: bool
    ) -> None:
        """End the process where a path is outside the scratch folder.

        ``follow_last``: a link at the end of the path is followed too.
        """
        if isinstance(path, int):  # a file that is open already
            return
        place = Path(os.fsdecode(path))
        if isinstance(folder, int) and folder >= 0:
            if sys.platform != "linux":  # no name for it
                return
            place = Path(f"/proc/self/fd/{folder}") / place
        real = (
            Path(os.path.realpath(place))
            if follow_last
            else Path(os.path.realpath(place.parent)) / place.name
        )
        if self._root != real and self._root not in real.parents and str(real) != os.devnull:
            what = f"tried to write outside its scratch folder: {real} ({event}{self._line()})"
            self.refuse(
                f"{what}, and was ended; its author must write below tempfile.gettempdir() alone"
            )

    def _check_start(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._may_start:
            words = f" {os.fsdecode(arguments[0])}" if len(arguments) > 1 else ""
            what = f"tried to start a process ({event}{words}{self._line()})"
            self.refuse(
                f"{what} and was ended: a package may start none, its author must do without"
            )

    def _check_signal(self, event: str, arguments: tuple[Any, ...]) -> None:
        if arguments[0] not in (os.getpid(), 0) and not self._may_start:
            self.refuse(
                f"tried to send a signal to process {arguments[0]} ({event}{self._line()}), and was ended"
            )

    def _refuse_always(self, event: str, arguments: tuple[Any, ...]) -> None:  # noqa: ARG002 - as every check
        self.refuse(f"tried to {_NEVER[event]} ({event}{self._line()}), and was ended")

    def _line(self) -> str:
        """Return where in the package this happens, as file and line, or an empty text."""
        frame = inspect.currentframe()
        while frame is not None:
            if frame.f_code.co_filename.startswith(self._package + os.sep):
                return f", {Path(frame.f_code.co_filename).name} line {frame.f_lineno}"
            frame = frame.f_back
        return ""


def _check_readable(user: str, order: dict[str, Any]) -> None:
    order_paths = [
        order.get(key) for key in ("scratch", "catalogue", "parts", "replay_of", "previous_landing")
    ]
    package_paths = [order["plugin"].get(key) for key in ("root", "environment")]
    for path in filter(None, [*package_paths, *order_paths, *order.get("baseline", {}).values()]):
        if not os.access(path, os.R_OK):
            raise ConfigurationError(
                f"system user {user} cannot read {path}: let it, and through the folders above"
            )
