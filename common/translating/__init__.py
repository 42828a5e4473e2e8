"""Texts in other languages: English sentences that were made somewhere else are translated when they are shown.

See docs/decisions/0013-texts.md.
"""
