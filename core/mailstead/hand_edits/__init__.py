"""Files that an admin edited by hand: seen, kept, taken, merged, never lost."""
