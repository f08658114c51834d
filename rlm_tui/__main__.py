"""`python -m rlm_tui`."""

from rlm_tui.cli import main

if __name__ == "__main__":
    main()
