"""The past: revisions, attempts, differences; what is pruned."""
