"""The Jinja environment of one module's templates: sandboxed, strict, and bounded in memory.

An admin's override of a template comes before the plugin's own of that name.

The bounds are against mistakes: a template that asks for more than any file needs is refused
before it gets it. A plugin's Python code has no such bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailstead.guard import Nonsense
from mailstead.transaction.additions import Override

LARGEST = 16 << 20  # of one rendered file, in bytes
ORIGINAL = "original"  # the plugin's template is original/<name> in an override of it
LONGEST_NUMBER = 1 << 16  # in bits
TOO_LARGE = f"is larger than {LARGEST >> 20} MiB"


class Buffer(list[str]):
    """What a block, macro or call collects before it is printed. Raises Nonsense when too large."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def append(self, part: str) -> None:
        """Take a part."""
        self.size += len(part)
        if self.size > LARGEST:
            raise Nonsense(f"what a block makes {TOO_LARGE}")
        super().append(part)

    def extend(self, parts: Iterable[str]) -> None:
        """Take several."""
        for part in parts:
            self.append(part)


class BoundedCodeGenerator(CodeGenerator):
    """Compiles templates so that their buffers are bounded."""

    def buffer(self, frame: Frame) -> None:
        """Begin a buffer, as Jinja's own does but for its kind."""
        frame.buffer = self.temporary_identifier()
        self.writeline(f"{frame.buffer} = environment.buffer()")


def _joined(parts: Iterable[str]) -> str:
    buffer = Buffer()
    buffer.extend(parts)
    return "".join(buffer)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox in which no operator and no block makes more than `LARGEST`."""

    intercepted_binops = frozenset({"*", "**", "+"})
    code_generator_class = BoundedCodeGenerator
    buffer = Buffer
    concat = staticmethod(_joined)

    def __init__(self, folder: Path, overrides: Mapping[str, Override]) -> None:
        own = jinja2.FileSystemLoader(folder)
        admins = jinja2.FunctionLoader(partial(_find, overrides))
        original = jinja2.PrefixLoader({ORIGINAL: own})
        super().__init__(
            loader=jinja2.ChoiceLoader([admins, own, original]),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            finalize=_one_line,
        )
        self.overrides = overrides
        self.asked: set[str] = set()

    def compile_overrides(self) -> None:
        """Compile every override, also those that these settings do not ask for."""
        for name in self.overrides:
            self.get_template(name)

    def generate(self, name: str, variables: Mapping[str, Any]) -> tuple[bytes, tuple[str, ...]]:
        """Render a template; also gives the paths of the overrides that had a part in it.

        Raises Nonsense when the result is too large, and what templates and variables raise.
        """
        self.asked.clear()
        content = bounded(self.get_template(name).generate(variables))
        used = sorted(self.asked & self.overrides.keys())
        return content, tuple(self.overrides[item].path for item in used)

    def get_template(
        self,
        name: str | jinja2.Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - Jinja's name for it
    ) -> jinja2.Template:
        """Load a template, and remember that it was asked for."""
        if isinstance(name, str):
            self.asked.add(name)
        return super().get_template(name, parent, globals)

    def select_template(
        self,
        names: Iterable[str | jinja2.Template],
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - Jinja's name for it
    ) -> jinja2.Template:
        """Load the first of several templates that exists."""
        chosen = list(names)
        self.asked.update(name for name in chosen if isinstance(name, str))
        return super().select_template(chosen, parent, globals)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse an operation whose result would be too large. Raises Nonsense."""
        if _size(operator, left, right) > LARGEST:
            raise Nonsense(f"what {operator} makes {TOO_LARGE}")
        return super().call_binop(context, operator, left, right)


def bounded(chunks: Iterable[str]) -> bytes:
    """Join what a template generates while it does so. Raises Nonsense when it is too large."""
    text = bytearray()
    for chunk in chunks:
        text += chunk.encode()
        if len(text) > LARGEST:
            raise Nonsense(f"the rendered file {TOO_LARGE}")
    return bytes(text)


def _size(operator: str, left: Any, right: Any) -> int:
    """Tell how large the result would be; for numbers, a huge one counts as too large."""
    if isinstance(left, int) and isinstance(right, int):
        bits = {"*": left.bit_length() + right.bit_length(), "**": left.bit_length() * right}
        return LARGEST + 1 if bits.get(operator, 0) > LONGEST_NUMBER else 0
    if operator == "+":
        return _length(left) + _length(right)
    if isinstance(left, int):
        return left * _length(right)
    return _length(left) * right if isinstance(right, int) else 0


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple) else 0


def _find(
    overrides: Mapping[str, Override], name: str
) -> tuple[str, str, Callable[[], bool]] | None:
    found = overrides.get(name)
    return None if found is None else (found.text, found.path, lambda: True)


def _one_line(value: object) -> object:
    text = value if isinstance(value, str) else str(value)
    found = [char for char in text if char < " " and char != "\t"]
    if found:
        # The value itself is not shown: it may be a secret.
        raise Nonsense(f"a value holds a control character: {found[0]!r}")
    return value
