"""Scripts of one account: stored, read, checked, limited."""
