"""Let `python -m reports` do what the command `hashwatt` does."""

from __future__ import annotations

from reports.cli.main import main

if __name__ == "__main__":
    main()
