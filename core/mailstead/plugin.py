"""Everything a module author imports. Public and versioned: this is API 1.

A plugin is a package with a ``manifest.toml`` and a ``module`` in its ``__init__.py``, found
through the entry point group ``mailstead.plugins``.
"""

from __future__ import annotations

from typing import Annotated

import pluggy

from mailstead.context import Context
from mailstead.counting import counted
from mailstead.errors import (
    AlreadyExists,
    CommandFailed,
    ConsentNeeded,
    InUse,
    InvalidValue,
    Locked,
    MachineError,
    MailsteadError,
    NotFound,
    PlanError,
    RenderError,
    StaysThere,
)
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.conversation import Submission, SubmissionStep
from mailstead.machine.handles import Gate, Programs
from mailstead.machine.values import Completed, Path
from mailstead.module import (
    Account,
    Backup,
    Check,
    Conversation,
    Daemon,
    Fact,
    Folder,
    Generated,
    Listen,
    Module,
    Native,
    Probe,
    Problem,
    Publication,
    RowChange,
    Say,
    Snippet,
    Template,
    resident,
)
from mailstead.settings import types
from mailstead.settings.declare import field, form, table

API = 1
PROJECT = "mailstead"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

__all__ = [
    "API", "Account", "AlreadyExists", "Annotated", "Backup", "Check", "CommandFailed",
    "Completed", "ConsentNeeded",
    "Context", "Conversation", "Daemon", "Fact", "Folder", "Gate", "Generated", "InUse", "Instance",
    "InvalidValue", "Listen", "Locked", "Machine", "MachineError", "MailsteadError", "Module",
    "Native", "NotFound",
    "Path", "PlanError", "Probe", "Problem", "Programs", "Publication", "RenderError", "RowChange",
    "Say",
    "Snippet", "StaysThere",
    "Submission", "SubmissionStep", "Template", "counted", "field", "form", "hookimpl",
    "hookspec", "resident", "table", "types",
]  # fmt: skip
