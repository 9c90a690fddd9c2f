"""How good a bundle is: figures with intervals, calibration, confusions, robustness, latency, comparison and gate.

`docs/evaluation.md` says what each figure means. Nothing here trains, and nothing here is in the path of a message.
"""
