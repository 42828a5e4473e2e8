"""Training history in: parsers for files of devices and exporters, and the rule by which two records are one
activity.
"""
