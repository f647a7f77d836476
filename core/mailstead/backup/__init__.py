"""Backups: one file with settings, directory, keys and, when asked for, mail; and back again."""
