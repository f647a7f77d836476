"""A tree of files in memory that refuses what the real one refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import attrs

from mailstead.errors import MachineError
from mailstead.machine.attributes import fitted
from mailstead.machine.base import walk_parents
from mailstead.machine.folders import MAX_LINKS, is_trusted, untrusted
from mailstead.machine.replace import is_temporary
from mailstead.machine.values import FileState, Path

ROOT = Path("/")
Kind = Literal["file", "directory", "link", "other"]


@attrs.define
class Node:
    """What stands at one path; ``target`` is where a link points."""

    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    content: bytes = b""
    target: str = ""
    modified: float = 0.0
    attributes: Mapping[str, bytes] = attrs.field(factory=dict[str, bytes])

    def state(self) -> FileState:
        """Give what stat would tell."""
        size = len(self.content) if self.kind == "file" else len(self.target)
        return FileState(self.kind, self.mode, self.uid, self.gid, size, self.modified)


class FakeTree:
    """Files by path, and the operations on them; ``me`` is the user they are done as."""

    def __init__(self) -> None:
        self.nodes: dict[Path, Node] = {ROOT: Node("directory", 0o755)}
        self.me = 0

    def plant(self, path: Path, node: Node) -> None:
        """Put something in the tree with all folders above it, whatever was there."""
        for parent in walk_parents(path):
            self.nodes.setdefault(parent, Node("directory", 0o755))
        self.nodes[path] = node

    def find(self, path: Path, *, follow: bool = False) -> tuple[Path, Node | None]:
        """Give the true path and what is there, following trusted links on the way."""
        place = ROOT
        ahead = self._names(path)[::-1]
        links = 0
        while ahead:
            name = ahead.pop()
            node = self.nodes.get(place / name)
            if node is not None and node.kind == "link" and (ahead or follow):
                links += 1
                place = self._follow(place, node, ahead, path, links)
            elif ahead:
                self._require_folder(node)
                place = place / name
            else:
                return place / name, node
        return place, self.nodes.get(place)

    def read(self, path: Path, limit: int) -> bytes:
        """Read a file."""
        _, node = self.find(path, follow=True)
        if node is None:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        if node.kind != "file":
            raise MachineError("is not a regular file", where=str(path))
        if len(node.content) > limit:
            raise MachineError(f"is larger than {limit} bytes", where=str(path))
        return node.content

    def stat(self, path: Path) -> FileState | None:
        """Tell what stands at a path."""
        try:
            _, node = self.find(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return node.state() if node else None

    def link(self, path: Path) -> str | None:
        """Give what a symbolic link says."""
        state = self.stat(path)
        return self.find(path)[1].target if state and state.kind == "link" else None  # type: ignore[union-attr]

    def names(self, path: Path) -> tuple[str, ...]:
        """List a folder."""
        try:
            true, node = self.find(path, follow=True)
        except FileNotFoundError:
            return ()
        if node is None:
            return ()
        self._require_folder(node)
        return tuple(sorted(item.name for item in self.nodes if item.parent == true != item))

    def attributes(self, path: Path) -> dict[str, bytes]:
        """Give what is attached to a file."""
        _, node = self.find(path)
        if node is None:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        self._require_file(node, path)
        return dict(node.attributes)

    def replace(
        self,
        path: Path,
        content: bytes,
        *,
        mode: int,
        uid: int,
        gid: int,
        attributes: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write a whole file."""
        true, node = self.require_place(path)
        if attributes is None:
            attributes = node.attributes if node else {}
        kept = fitted(attributes, mode)
        self.nodes[true] = Node("file", mode, uid, gid, content, attributes=kept)

    def append(self, path: Path, content: bytes) -> None:
        """Add to a file, or make one."""
        true, node = self.require_place(path)
        node = self.nodes.setdefault(true, node or Node("file", 0o600))
        node.content += content

    def require_place(self, path: Path) -> tuple[Path, Node | None]:
        """Give the true path and what is there, unless a file may not be written."""
        true, node = self.find(path)
        folder = self._folder_of(true)
        if not is_trusted(mode=folder.mode, uid=folder.uid, gid=folder.gid, me=self.me):
            raise untrusted(path)
        if node is not None:
            self._require_file(node, path)
        return true, node

    def require_folder_of(self, path: Path) -> Path:
        """Give the true path of something whose folder exists."""
        true, _ = self.find(path)
        self._folder_of(true)
        return true

    def add(
        self, path: Path, content: bytes, *, mode: int, uid: int, gid: int, modified: float
    ) -> None:
        """Write a file unless something is there."""
        true = self.require_folder_of(path)
        self.nodes.setdefault(true, Node("file", mode, uid, gid, content, modified=modified))

    def sweep(self, path: Path) -> tuple[str, ...]:
        """Remove temporary files from a folder."""
        names = [name for name in self.names(path) if is_temporary(name)]
        folder = self.find(path, follow=True)[0] if names else path
        swept = [name for name in names if self.nodes[folder / name].kind == "file"]
        for name in swept:
            del self.nodes[folder / name]
        return tuple(swept)

    def remove(self, path: Path) -> None:
        """Remove a file or link."""
        true, node = self.find(path)
        if node is not None and node.kind == "directory":
            raise MachineError("is a directory", where=str(path))
        self.nodes.pop(true, None)

    def remove_tree(self, path: Path) -> None:
        """Remove a folder and all below it."""
        true, node = self.find(path)
        if node is None:
            return
        self._require_folder(node)
        for item in [item for item in self.nodes if item.is_relative_to(true)]:
            del self.nodes[item]

    def make_directory(self, path: Path, *, mode: int, uid: int, gid: int) -> None:
        """Make a folder, or set owner and mode of one."""
        true, node = self.find(path)
        self._folder_of(true)
        if node is not None:
            self._require_folder(node)
        self.nodes[true] = Node("directory", mode, uid, gid)

    def set_owner(self, path: Path, *, mode: int, uid: int, gid: int) -> None:
        """Set owner and mode of a file."""
        _, node = self.find(path)
        if node is None:
            raise FileNotFoundError(2, "No such file or directory")
        if node.kind != "file":
            raise MachineError("is not a regular file", where=str(path))
        node.mode, node.uid, node.gid = mode, uid, gid

    def under(self, path: Path) -> Iterator[Path]:
        """Give the paths of all files below a folder."""
        kinds = sorted(self.nodes.items())
        return (item for item, node in kinds if node.kind == "file" and item.is_relative_to(path))

    def contents(self, prefix: Path, starts: tuple[str, ...]) -> dict[str, bytes]:
        """Give the contents of files by their path below a folder, of those that begin so."""
        found = {f"/{path.relative_to(prefix)}": path for path in self.under(prefix)}
        return {name: self.nodes[path].content for name, path in found.items()
                if name.startswith(starts)}  # fmt: skip

    def _folder_of(self, path: Path) -> Node:
        node = self.nodes.get(path.parent)
        self._require_folder(node)
        return self.nodes[path.parent]

    def _follow(self, place: Path, link: Node, ahead: list[str], path: Path, links: int) -> Path:
        folder = self.nodes[place]
        safe = is_trusted(mode=folder.mode, uid=folder.uid, gid=folder.gid, me=self.me)
        if links > MAX_LINKS or not safe or link.uid not in (0, self.me):
            raise MachineError("a symbolic link on the way is not trusted", where=str(path))
        target = place / link.target
        ahead += [part for part in target.parts if part != "/"][::-1]
        return ROOT

    @staticmethod
    def _names(path: Path) -> list[str]:
        if not path.is_absolute() or ".." in path.parts:
            raise MachineError("a path must be absolute and without '..'", where=str(path))
        return list(path.parts[1:])

    @staticmethod
    def _require_file(node: Node, path: Path) -> None:
        if node.kind != "file":
            kind = "a symbolic link" if node.kind == "link" else "not a regular file"
            raise MachineError(f"is {kind} and is left alone", where=str(path))

    @staticmethod
    def _require_folder(node: Node | None) -> None:
        if node is None:
            raise FileNotFoundError(2, "No such file or directory")
        if node.kind != "directory":
            raise NotADirectoryError(20, "Not a directory")
