"""The report of a comparison: one self-contained page, and the same in short for a terminal."""

from bicameral.studies.report.page import write_report

__all__ = ["write_report"]
