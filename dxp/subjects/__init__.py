"""Opaque customer ids."""

from dxp.subjects.models import Subject, SubjectKey
from dxp.subjects.service import ANONYMOUS, Subjects, Trace

__all__ = ["ANONYMOUS", "Subject", "SubjectKey", "Subjects", "Trace"]
