"""`python -m lift3d` is the command line `lift3d`."""

import sys

from lift3d.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
