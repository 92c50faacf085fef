"""Runs the command line as `python -m toprung.cli`."""

from toprung.cli.main import main

main()
