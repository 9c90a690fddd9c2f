"""How model bundles are made: sets of labelled text in, a bundle folder out (docs/training.md).

Needs the packages of the `train` extra; a product that only runs bundles never imports this package.
"""
