"""`python -m stella` is the command `stella`."""

from stella.app.cli import main

main()
