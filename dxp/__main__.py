"""`python -m dxp`."""

from dxp.cli.main import main

main()
