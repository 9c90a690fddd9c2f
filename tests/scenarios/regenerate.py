"""Writes into each golden history what comes of it now: python -m tests.scenarios.regenerate [NAME ...]

Look at the difference before you commit it: every line of it is something that a customer will notice.
"""

from __future__ import annotations

import sys

from tests.scenarios.playing import files, play, read, write


def main(names: list[str]) -> None:
    """Of the named histories, or of all."""
    for file in files():
        if names and file.stem not in names:
            continue
        history = read(file)
        turns = play(history)
        print(f"{file.stem}: {'as before' if turns == history.get('turns') else 'changed'}, {len(turns)} turns")
        write(file, {**history, "turns": turns})


if __name__ == "__main__":
    main(sys.argv[1:])
