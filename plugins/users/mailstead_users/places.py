"""System paths of the directory; others may import them."""

from __future__ import annotations

FOLDER = "/var/lib/mailstead/directory"
DATABASE = f"{FOLDER}/directory.db"
