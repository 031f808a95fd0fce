"""`python -m archloom` is the command line."""

import sys

from archloom.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
