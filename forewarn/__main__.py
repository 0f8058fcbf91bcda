"""``python -m forewarn`` is the same as ``forewarn``."""

from forewarn.cli import main

main()
