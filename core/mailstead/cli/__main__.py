"""Run the command line as ``python -m mailstead.cli``."""

from mailstead.cli.main import main

main()
