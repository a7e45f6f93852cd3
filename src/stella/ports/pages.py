"""Pages of a company, whatever they were written as: headings and plain text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading. `place` says where else it is, such as a page of a PDF."""

    heading: str
    text: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A page. `name` is its file, relative to the folder, or its address; `language` two letters where it says so."""

    name: str
    sections: tuple[Section, ...]
    language: str = ""


@dataclass(frozen=True, slots=True)
class PageFault:
    """A page that could not be read: which, why, and what to do about it."""

    name: str
    cause: str
    mend: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.name}: {self.cause}; {self.mend}"
