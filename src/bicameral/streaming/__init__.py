"""Answers while the data still come in: a trained network run frame by frame, its memory kept and saved."""

from bicameral.streaming.answer import Answer
from bicameral.streaming.stream import Stream

__all__ = ["Answer", "Stream"]
