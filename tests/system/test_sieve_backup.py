"""Scripts are in every backup, and come back with the one that was active."""

from __future__ import annotations

import shutil

from tests.system.sieving import ADA, FRIEND, GRACE, arrived, new_site_with_rules, send
from tests.system.watch import run_quickly

WORDS = "correct horse battery staple\n"


def test_scripts_that_were_lost_come_back_active() -> None:
    """Those that are there stay as they are; the mail is not needed for it."""
    with new_site_with_rules() as place:
        run = place.sandbox.run
        run("rule", "add", ADA, "x", "--always", "--file", "By rule")
        run("sieve", "put", ADA, "böse 1", typed="keep;\r\n# ü")
        run("sieve", "put", GRACE, "hers", typed="keep;")
        made = str(place.sandbox.path("/var/backups/it"))
        place.sandbox.path("/var/backups").mkdir(parents=True, exist_ok=True)
        run("backup", "create", made, "--mail", "--passphrase-stdin", typed=WORDS)
        home = next(place.sandbox.path("/var/vmail/example.org").glob("ada-*"))
        shutil.rmtree(home / "sieve")
        (home / ".dovecot.sieve").unlink()
        run("sieve", "put", GRACE, "hers", typed="discard;")
        with place.sandbox.imap(ADA):  # Dovecot has looked into the directory
            pass
        done = run("--yes", "backup", "restore", made, "--passphrase-stdin", typed=WORDS)
        assert "2 Sieve scripts put back" in done.stdout
        with place.sandbox.imap(ADA):
            pass
        assert "schema" not in place.sandbox.path("/var/log/dovecot.log").read_text()
        rows = run_quickly(place.sandbox, "--json", "sieve", "list", ADA).json
        assert {row["script"]: row["active"] for row in rows} == {
            "böse 1": False, "mailstead": True
        }  # fmt: skip
        assert run("--json", "sieve", "show", ADA, "böse 1").json["text"] == "keep;\r\n# ü"
        assert run("sieve", "show", GRACE, "hers").stdout == "discard;"
        send(place, FRIEND, ADA, "filed again")
        arrived(place, ADA, "By rule", "filed again")
        assert "0 Sieve scripts put back" in run("sieve", "restore").stdout
        # With the mail the files come by themselves, and the link does not.
        shutil.rmtree(home / "sieve")
        (home / ".dovecot.sieve").unlink()
        run("--yes", "backup", "restore", made, "--mail", "--passphrase-stdin", typed=WORDS)
        rows = run_quickly(place.sandbox, "--json", "sieve", "list", ADA).json
        assert {row["script"]: row["active"] for row in rows}["mailstead"]
