"""The command ``mailstead``: a client of the engine, without logic of its own."""
