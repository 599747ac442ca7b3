"""Run `ferry` as `python -m commands`: for a checkout that is not installed, and for the children of `ferry up`."""

from __future__ import annotations

from commands.main import main

if __name__ == "__main__":
    main(prog_name="ferry")
