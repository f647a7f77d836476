"""Save changes: plan, stage, check, prepare, write, act, probe, commit, undo."""
