"""The bundles of this installation: where they lie, which of them is in force, and how they are loaded."""
