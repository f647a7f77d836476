"""Template overrides and snippets, through plans: what is taken, what is refused, what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.errors import CheckFailed, MailsteadError, PlanError, RenderError
from mailstead.machine.values import Completed
from mailstead.testing import fake, fake_engine, refuse_impure_rendering
from mailstead.transaction.additions import LARGEST
from mailstead.transaction.request import Request
from mailstead.transaction.stage import staging_root
from tests.core.packages import Packages

MANIFEST = """
[[paths]]
path = "/etc/page"
reason = "is a page"
[[paths]]
path = "/etc/list"
reason = "is a list"
"""
CODE = """
from mailstead.plugin import *

@form(title="Options")
class Options:
    word: types.Text = field(default="hello")

def sort(text, snippet):
    for number, line in snippet.lines():
        if not line.islower():
            snippet.refuse(number, "is not in small letters")
    {merge}

module = Module(
    sections=[Options],
    files=[
        Template("/etc/page", "page.j2", snippet="page.conf"),
        Template("/etc/list", "list.j2", snippet="list", merge=sort),
    ],
    checks=[Check("pagecheck", ("pagecheck", "{staged:/etc/page}"))],
)
"""
MERGE = 'return "\\n".join(sorted(text.split() + snippet.text.split())) + "\\n"'
PAGE = 'word {{ options.word }}\n{% include "part.j2" %}\n'
SNIPPETS = "/etc/mailstead/snippets"
TEMPLATES = "/etc/mailstead/templates"
MINE = f"{SNIPPETS}/page/page.conf"
OVERRIDE = f"{TEMPLATES}/page/page.j2"
Make = Callable[..., "World"]


class World:
    """An engine with one module that takes additions, and a way to add."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.machine = fake(engine)

    def add(self, path: str, text: str | bytes, mode: int = 0o644, uid: int = 0) -> None:
        """Write an addition."""
        content = text.encode() if isinstance(text, str) else text
        self.machine.add_file(self.engine.instance.path(path), content, mode=mode, uid=uid)

    def chmod(self, path: str, mode: int, uid: int = 0) -> None:
        """Set the rights of a folder."""
        self.machine.add_directory(self.engine.instance.path(path), mode=mode, uid=uid)

    def link(self, path: str, target: str) -> None:
        """Make a link."""
        self.machine.add_link(self.engine.instance.path(path), target)

    def content(self, path: str = "/etc/page") -> str:
        """Give what a plan would write to a file."""
        files = {item.path: item.new for item in self.engine.plan().files}
        version = files[path]
        assert version is not None
        return version.content.decode()

    def refused(self) -> PlanError:
        """Give the error of a plan; nothing was written."""
        with pytest.raises(PlanError) as caught:
            self.engine.save()
        assert self.machine.stat_file(self.engine.instance.path("/etc/page")) is None
        return caught.value


@pytest.fixture
def make(tmp_path: Path, packages: Packages) -> Iterator[Make]:
    """Give a maker of a world whose merge function is given."""
    with ExitStack() as stack:

        def made(merge: str = MERGE) -> World:
            code = CODE.replace("{merge}", merge)
            source = packages.add(
                "page", MANIFEST, code, page=PAGE, part="part\n", list="b\nd\n", spare="spare\n"
            )
            other = packages.add("other")
            plugins = {"page": source.package, "other": other.package}
            engine = stack.enter_context(fake_engine(tmp_path, plugins))
            engine.enable(["page"], consents=["page"])
            return World(engine)

        yield made


@pytest.fixture
def world(make: Make) -> World:
    """Give a world."""
    return make()


# snippets


def test_without_additions_nothing_is_added(world: World) -> None:
    """Not even a comment."""
    assert world.content() == "word hello\npart\n"
    assert world.engine.plan().uses == ()


def test_a_snippet_is_appended_and_the_plan_says_so(world: World) -> None:
    """Below a comment that names it."""
    world.add(MINE, "mine\nmine too\n")
    plan = world.engine.plan()
    assert plan.uses == (MINE,)
    assert world.content() == f"word hello\npart\n\n# from {MINE}\nmine\nmine too\n"
    refuse_impure_rendering(world.engine)


def test_a_changed_snippet_changes_the_plan_and_its_id(world: World) -> None:
    """What is applied is what was shown."""
    world.add(MINE, "mine\n")
    first = world.engine.plan()
    world.add(MINE, "another\n")
    assert world.engine.plan().id != first.id
    with pytest.raises(PlanError, match="no longer what was shown"):
        world.engine.save(Request(expected=first.id))


def test_a_snippet_that_goes_away_leaves_nothing(world: World) -> None:
    """The next save writes the file without it."""
    world.add(MINE, "mine\n")
    assert world.engine.save().outcome == "committed"
    world.machine.remove_file(world.engine.instance.path(MINE))
    assert world.content() == "word hello\npart\n"


def test_a_modules_own_function_merges_a_snippet(world: World) -> None:
    """Where appending is not right."""
    world.add(f"{SNIPPETS}/page/list", "c\na\n")
    assert world.content("/etc/list") == "a\nb\nc\nd\n"


def test_what_the_function_refuses_is_named_by_file_and_line(world: World) -> None:
    """The snippet's own."""
    world.add(f"{SNIPPETS}/page/list", "c\nBAD\n")
    assert str(world.refused()) == f"{SNIPPETS}/page/list:2: is not in small letters"


@pytest.mark.parametrize("merge", ["return 5", "1/0", "pass", "return text * (1 << 30)"])
def test_a_function_that_fails_is_the_modules_fault(make: Make, merge: str) -> None:
    """It is named; nothing is written."""
    world = make(merge)
    world.add(f"{SNIPPETS}/page/list", "c\n")
    assert world.refused().where.startswith("module page: /etc/list")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"fine\nno end", f"{MINE}:2: the last line has no end"),
        (b"fine\n\xff\n", f"{MINE}:2: is not UTF-8 text"),
        (b"fine\r\n", f"{MINE}:1: holds the control character '\\r' (save it with Unix line ends)"),
        (b"fine\nx\0\n", f"{MINE}:2: holds the control character '\\x00'"),
        (b"fine\n\x1b[2J\n", f"{MINE}:2: holds the control character '\\x1b'"),
        ("fine\n\x85\n".encode(), f"{MINE}:2: holds the control character '\\x85'"),
        ("\ufefffine\n".encode(), f"{MINE}:1: holds the control character '\\ufeff'"),
        (b"x" * (LARGEST + 1), f"{MINE}: is larger than 1 MiB"),
    ],
)
def test_a_snippet_that_is_no_plain_text_is_refused(
    world: World, content: bytes, words: str
) -> None:
    """With file and line."""
    world.add(MINE, content)
    assert str(world.refused()).startswith(words)


def test_an_empty_snippet_is_none(world: World) -> None:
    """Nothing is added for it."""
    world.add(MINE, "")
    assert world.content() == "word hello\npart\n"


def test_tabs_and_other_alphabets_are_plain_text(world: World) -> None:
    """As they are."""
    world.add(MINE, "\tgrün\n")
    assert world.content().endswith("\n\tgrün\n")


@pytest.mark.parametrize(("mode", "uid"), [(0o644, 1000), (0o664, 0), (0o646, 0), (0o666, 0)])
def test_what_others_can_write_is_refused(world: World, mode: int, uid: int) -> None:
    """The file, and each folder it is in."""
    world.add(MINE, "mine\n", mode=mode, uid=uid)
    assert str(world.refused()).startswith(f"{MINE}: can be changed by others than root (chown")
    world.add(MINE, "mine\n")
    for folder in (f"{SNIPPETS}/page", SNIPPETS, "/etc/mailstead"):
        world.chmod(folder, mode | 0o111, uid)
        assert str(world.refused()).startswith(f"{folder}: can be changed by others than root")
        world.chmod(folder, 0o755)
    assert world.content().endswith("mine\n")


@pytest.mark.parametrize("place", [MINE, f"{SNIPPETS}/page", SNIPPETS])
def test_a_link_is_refused(world: World, place: str) -> None:
    """It may lead to what others can write."""
    world.add("/srv/elsewhere/page.conf", "mine\n")
    world.link(place, "/srv/elsewhere")
    assert "a link stands there" in world.refused().problem


def test_a_file_that_no_module_takes_is_refused_with_the_known_ones(world: World) -> None:
    """A misspelt name would silently do nothing."""
    world.add(f"{SNIPPETS}/page/page.cnf", "mine\n")
    error = world.refused()
    assert (error.where, error.problem) == (
        f"{SNIPPETS}/page/page.cnf",
        "page takes no snippet of this name",
    )
    assert "page.conf" in error.hint


def test_a_folder_below_is_no_place_for_a_snippet(world: World) -> None:
    """Its files have no module's name."""
    world.add(f"{SNIPPETS}/page/more/page.conf", "mine\n")
    assert world.refused().where == f"{SNIPPETS}/page/more/page.conf"


def test_a_module_that_takes_none_says_so(world: World) -> None:
    """There are no names to offer."""
    world.engine.enable(["other"])
    world.add(f"{SNIPPETS}/other/x", "mine\n")
    assert world.refused().hint == "there are none"


@pytest.mark.parametrize("folder", [SNIPPETS, TEMPLATES])
def test_a_folder_of_an_unknown_module_is_refused_with_near_names(
    world: World, folder: str
) -> None:
    """Also a file beside the modules' folders."""
    world.add(f"{folder}/pgae/page.conf", "mine\n")
    assert str(world.refused()) == f"{folder}/pgae: no module has this name (did you mean page?)"
    world.machine.remove_tree(world.engine.instance.path(f"{folder}/pgae"))
    world.add(f"{folder}/page", "mine\n")
    assert str(world.refused()) == f"{folder}/page: a file stands there, not a directory"


@pytest.mark.parametrize("name", [".page.conf.swp", "page.conf~"])
def test_hidden_files_and_editors_copies_are_passed_over(world: World, name: str) -> None:
    """An open editor does not stop a save."""
    world.add(f"{SNIPPETS}/page/{name}", b"\0")
    assert world.content() == "word hello\npart\n"


def test_additions_to_a_module_that_is_off_are_left_alone(world: World) -> None:
    """They are not even looked at."""
    world.add(f"{SNIPPETS}/other/nonsense", b"\0", uid=1000)
    assert world.content() == "word hello\npart\n"


def test_a_checker_that_refuses_is_explained(world: World) -> None:
    """By the snippet's own line, and the real path."""
    staged = staging_root(world.machine, world.engine.instance) / "etc/page"
    page = world.engine.instance.path("/etc/page")
    words = f"pagecheck: {staged}, line 6: no such thing"
    world.machine.on_command(["pagecheck"], Completed(1, "", words))
    world.add(MINE, "fine\nbad\n")
    with pytest.raises(CheckFailed) as caught:
        world.engine.plan()
    assert caught.value.problem.splitlines() == [
        f"pagecheck: {page}, line 6: no such thing",
        f"line 6 of {page} is {MINE}:2",
    ]


def test_a_checker_that_refuses_what_is_ours_is_not_explained(world: World) -> None:
    """There is nothing to explain."""
    world.machine.on_command(["pagecheck"], Completed(1, "", "no"))
    with pytest.raises(CheckFailed) as caught:
        world.engine.plan()
    assert caught.value.problem == "no"


# template overrides


def test_an_override_is_used_instead_and_the_plan_says_so(world: World) -> None:
    """It sees what the plugin's own template sees."""
    world.add(OVERRIDE, "my {{ options.word }}\n")
    assert world.content() == "my hello\n"
    assert world.engine.plan().uses == (OVERRIDE,)
    refuse_impure_rendering(world.engine)


@pytest.mark.parametrize("word", ["include", "extends"])
def test_the_plugins_own_can_be_built_upon(world: World, word: str) -> None:
    """Under the name original/."""
    world.add(OVERRIDE, f'above\n{{% {word} "original/page.j2" %}}')
    assert world.content() == "above\nword hello\npart\n"


def test_a_part_of_a_template_can_be_overridden(world: World) -> None:
    """The plugin's own template includes it, and the plan says which is used."""
    path = f"{TEMPLATES}/page/part.j2"
    world.add(path, "my part\n")
    world.add(f"{TEMPLATES}/page/spare.j2", "not used\n")
    assert world.content() == "word hello\nmy part\n"
    assert world.engine.plan().uses == (path,)


def test_override_and_snippet_go_together(world: World) -> None:
    """One after the other."""
    world.add(OVERRIDE, "my page\n")
    world.add(MINE, "mine\n")
    assert world.content() == f"my page\n\n# from {MINE}\nmine\n"
    assert world.engine.plan().uses == (MINE, OVERRIDE)


def test_a_changed_override_is_seen_by_the_same_engine(world: World) -> None:
    """And so is one that is gone."""
    world.add(OVERRIDE, "one\n")
    assert world.content() == "one\n"
    world.add(OVERRIDE, "two\n")
    assert world.content() == "two\n"
    world.machine.remove_file(world.engine.instance.path(OVERRIDE))
    assert world.content() == "word hello\npart\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("one\n{% if %}\n", 2, "TemplateSyntaxError"),
        ("one\n\n{{ optoins.word }}\n", 3, "UndefinedError: 'optoins' is undefined"),
        ('one\n{% include "nothing.j2" %}\n', 2, "TemplateNotFound: nothing.j2"),
        ('one\n{{ "a\\nb" }}\n', 2, "holds a control character"),
        ("one\n{{ 'x' * 1073741824 }}\n", 2, "is larger than 16 MiB"),
        ("one\n{{ ().__class__.__mro__ }}\n", 2, "SecurityError"),
        ('{% include "page.j2" %}', 1, "RecursionError"),
        ("one\r\n", 1, "holds the control character"),
        ("one\n\x07\n", 2, "holds the control character"),
    ],
)
def test_a_broken_override_is_refused_with_file_and_line(
    world: World, text: str, line: int, words: str
) -> None:
    """Before anything is written; its own author can correct it."""
    world.add(OVERRIDE, text)
    error = world.refused()
    assert f"{OVERRIDE}:{line}" in error.where
    assert words in error.problem
    assert "author" not in error.hint


def test_an_override_that_does_not_end_is_refused(world: World) -> None:
    """With the line it was at."""
    loop = "{% for a in range(99999) %}\n" * 2 + "{% endfor %}\n" * 2
    world.add(OVERRIDE, loop)
    world.machine.haste = 40
    error = world.refused()
    assert f"{OVERRIDE}:" in error.where
    assert "did not answer" in error.problem


def test_an_override_that_is_not_asked_for_is_compiled_all_the_same(world: World) -> None:
    """It would break another day."""
    world.add(f"{TEMPLATES}/page/spare.j2", "{% if %}\n")
    with pytest.raises(RenderError, match=rf"{TEMPLATES}/page/spare\.j2:1"):
        world.engine.plan()


def test_an_error_in_the_plugins_template_is_not_blamed_on_the_override(world: World) -> None:
    """Which is named by its path; the plugin's by its name alone."""
    world.add(OVERRIDE, '{% set options = 5 %}{% include "original/page.j2" %}')
    error = world.refused()
    assert error.where == "module page: /etc/page: page.j2:1"


def test_an_override_of_no_template_is_refused_with_near_names(world: World) -> None:
    """It would silently do nothing."""
    world.add(f"{TEMPLATES}/page/pgae.j2", "x\n")
    error = world.refused()
    assert str(error).startswith(f"{TEMPLATES}/page/pgae.j2: page has no template of this name")
    assert "did you mean page.j2" in error.hint


def test_a_checker_that_refuses_an_overridden_file_is_explained(world: World) -> None:
    """By the name of the template."""
    staged = staging_root(world.machine, world.engine.instance) / "etc/page"
    world.machine.on_command(["pagecheck"], Completed(1, "", f"{staged}: line 1: no"))
    world.add(OVERRIDE, "my page\n")
    page = world.engine.instance.path("/etc/page")
    with pytest.raises(MailsteadError, match=f"{page} is made by your template {OVERRIDE}"):
        world.engine.plan()
