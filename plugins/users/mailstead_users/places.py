"""Where the directory lies; other modules may import it."""

FOLDER = "/var/lib/mailstead/directory"
DATABASE = f"{FOLDER}/directory.db"
