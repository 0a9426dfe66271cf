"""Where built things are kept between runs.

An entry is one file or folder, named KIND-KEY where KEY is a hash of
everything that went into it. It is made under a temporary name and renamed
when whole, so what bears its final name is complete. Two processes that want
the same entry take turns: the second finds it made.
"""

import ast
import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path


def folder():
    """The cache folder; made if missing."""
    if os.environ.get("POSTCLONE_CACHE"):
        path = Path(os.environ["POSTCLONE_CACHE"])
    elif os.environ.get("XDG_CACHE_HOME"):
        path = Path(os.environ["XDG_CACHE_HOME"]) / "postclone"
    else:
        path = Path.home() / ".cache" / "postclone"
    path.mkdir(parents=True, exist_ok=True)
    return path


def key(*parts):
    """A short hash of the parts: text, bytes, files, or folders of files.

    Of a Python file its code counts, not its comments and layout.
    """
    digest = hashlib.sha256()

    def feed(data):
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)

    for part in parts:
        if isinstance(part, Path) and part.is_dir():
            for child in sorted(p for p in part.rglob("*") if p.is_file()):
                feed(str(child.relative_to(part)).encode())
                feed(child.read_bytes())
        elif isinstance(part, Path) and part.suffix == ".py":
            feed(ast.dump(ast.parse(part.read_text())).encode())
        elif isinstance(part, Path):
            feed(part.read_bytes())
        elif isinstance(part, bytes):
            feed(part)
        else:
            feed(str(part).encode())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def lock(name):
    """Hold the named lock of the cache folder; waits for its present holder."""
    with open(folder() / f"{name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def entry(name, make):
    """The path of entry `name`; `make(path)` fills a temporary path if missing."""
    final = folder() / name
    if final.exists():
        os.utime(final)
        return final
    with lock(name):
        if final.exists():
            return final
        scratch = Path(tempfile.mkdtemp(prefix=f".making-{name}-", dir=folder()))
        try:
            made = scratch / "made"
            make(made)
            os.sync()
            made.rename(final)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return final


def prune(days=14):
    """Remove what has not been used for so long."""
    for path in folder().iterdir():
        if path.stat().st_mtime < time.time() - days * 86400:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _slots():
    return int(os.environ.get("POSTCLONE_GUESTS") or min(2, os.cpu_count() or 1))


@contextlib.contextmanager
def guest_slots(wanted):
    """Hold that many places for guests that run together, or all where there are fewer.

    One such party at a time collects its places: two would wait for each other's.
    """
    with contextlib.ExitStack() as stack:
        with lock("party"):
            for _ in range(min(wanted, _slots())):
                stack.enter_context(guest_slot())
        yield


@contextlib.contextmanager
def guest_slot():
    """Hold one of the few places for a running guest.

    Emulated guests that share a core run into systemd's 90 s device timeout
    and fail good boots, so no more run at once than there are cores, and two
    at most. POSTCLONE_GUESTS sets another number.
    """
    handles = [open(folder() / f"slot-{n}.lock", "w") for n in range(_slots())]
    try:
        # One after the other: a scenario that gives its place back and wants it again comes after those that wait.
        with lock("turn"):
            while not any(map(_is_taken, handles)):
                time.sleep(0.5)
        yield
    finally:
        for handle in handles:
            handle.close()


def _is_taken(handle):
    """Take the lock of an open file, unless somebody else holds it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
