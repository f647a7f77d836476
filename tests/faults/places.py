"""Places where the real kernel refuses: full, read-only and immutable ones, made by the test."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and gives files to others")


def kernel(*argv: str) -> None:
    """Run what the test needs of the kernel; skip where it is forbidden, with its reason."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{' '.join(argv)}: {done.stderr.strip()}")


@contextmanager
def mounted(folder: Path, *argv: str) -> Iterator[Path]:
    """Mount something on a folder, which is made."""
    folder.mkdir(exist_ok=True)
    kernel("mount", *argv, str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def memory(folder: Path, options: str) -> Iterator[Path]:
    """Mount a file system in memory."""
    with mounted(folder, "-t", "tmpfs", "-o", options, "none") as place:
        place.chmod(0o755)
        yield place


@contextmanager
def ext4(folder: Path, image: Path, size: int, *options: str) -> Iterator[Path]:
    """Mount an ext4 of so many bytes, made with more options of mkfs.ext4(8)."""
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("mkfs.ext4 is missing")
    image.touch()
    os.truncate(image, size)
    subprocess.run(["mkfs.ext4", "-q", "-b", "1024", *options, str(image)], check=True)
    with mounted(folder, "-o", "loop", str(image)) as place:
        place.chmod(0o755)
        yield place


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Make a folder read-only, as a mount of its own."""
    with mounted(folder, "--bind", str(folder)):
        kernel("mount", "-o", "remount,ro,bind", str(folder))
        yield folder


@contextmanager
def flagged(path: Path, flag: str) -> Iterator[Path]:
    """Set a flag of chattr(1) on a file or folder: ``i`` immutable, ``a`` append only."""
    kernel("chattr", f"+{flag}", str(path))
    try:
        yield path
    finally:
        subprocess.run(["chattr", f"-{flag}", str(path)], check=True)


def fill(path: Path) -> None:
    """Write a file until the file system is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1024)):
            pass
