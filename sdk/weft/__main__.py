"""`python -m weft`: the `weft` command of this very interpreter."""

from weft.cli import main

main()
