"""Which addresses there are and where their mail goes: immediate, in the directory."""
