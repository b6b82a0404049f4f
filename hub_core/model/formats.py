"""The formats of what is kept: each document is read by the class of its own format, for ever.

The class of a format never changes, and no digest is taken over a model that was dumped again: a
digest is over the bytes that are kept. What must grow becomes the class of the next format. It is
written from then on, and the class before it goes on reading what was written before.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from hub_core.model.exchange import Landing, Manifest, ReleaseManifest

Document = TypeVar("Document", bound=BaseModel)


class _Head(BaseModel):
    model_config = ConfigDict(extra="ignore")
    format: int


class Formats(Generic[Document]):
    """The classes that read one sort of document, format 1 first."""

    def __init__(self, *classes: type[Document]) -> None:
        self._classes = dict(enumerate(classes, start=1))

    def read(self, content: bytes | str) -> Document:
        """Read a document by the class of its format.

        Raises ValueError, in words for people, where it is not JSON, where it breaks its format,
        and where this hub does not know its format.
        """
        try:
            number = _Head.model_validate_json(content).format
            if number not in self._classes:
                formats = ", ".join(map(str, self._classes))
                raise ValueError(
                    f"it has format {number}, and this hub reads format {formats}: upgrade the hub"
                )
            return self._classes[number].model_validate_json(content)
        except ValidationError as error:
            raise ValueError(explain(error)) from error


def explain(error: ValidationError) -> str:
    """Say in one line what pydantic found wrong: key, then why.

    The value is left out, for it may be a secret.
    """
    problems = []
    for problem in error.errors(include_url=False, include_input=False):
        key = ".".join(str(step) for step in problem["loc"])
        is_unknown_key = problem["type"] == "extra_forbidden"
        why = "unknown key" if is_unknown_key else problem["msg"].removeprefix("Value error, ")
        problems.append(f"{key}: {why}" if key else why)
    return "; ".join(problems)


LANDINGS = Formats(Landing)
MANIFESTS = Formats(Manifest)
RELEASE_MANIFESTS = Formats(ReleaseManifest)
