"""The project's own labelled text, Chinese and English, made by grammars: `rows(seed)` of each module.

None of it is what bundles are measured by in the end; that is text by other people (docs/training.md).
"""
