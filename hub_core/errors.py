"""Every error of the hub, sorted by who must act next.

::

    HubError
      ConfigurationError        the operator: a file must change
        PluginError             the plugin's author: it would not load, or broke the contract
        MappingError            the plugin's author: a mapping names what does not exist
      SourceError
        SourceUnavailable       nobody: it is tried again
        SourceRefused           the department: credentials, permission
        SourceChanged           the plugin's author: the payload has a new shape
      SubmissionError           the sender: digests do not hold, or the wrong origin
      StateError                the operator: not in the state that this needs
      StoreError                the operator: database or landing zone
      AccessError               whoever asked
      DeliveryError
        DeliveryUnavailable     nobody: it is tried again
        DeliveryRefused         the operator, with the ministry's answer

An error carries its place as values, so that whoever shows it need not parse the message.
"""

from __future__ import annotations

import errno
from typing import ClassVar, Self

PLACES = ("province", "provision", "period", "part", "row")


class HubError(Exception):
    """Something that a person, or the next night, must put right."""

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **place: str | int | None) -> None:
        super().__init__(message)
        self.message = message
        self.place = {name: value for name, value in place.items() if value is not None}

    def __str__(self) -> str:
        place = ", ".join(f"{name} {self.place[name]}" for name in PLACES if name in self.place)
        return f"{self.message} ({place})" if place else self.message

    def located(self, **place: str | int | None) -> HubError:
        """Add to the error's place what its raiser could not know, and return the error itself.

        What the place holds already stays.
        """
        for name, value in place.items():
            if value is not None:
                self.place.setdefault(name, value)
        return self

    def as_dict(self) -> dict[str, object]:
        """Return the error as it travels from a child process and is kept with its run."""
        return {"error": type(self).__name__, "message": self.message, "place": self.place}


class ConfigurationError(HubError):
    """A file of the operator's must change."""


class PluginError(ConfigurationError):
    """A plugin would not load, or broke its contract."""


class MappingError(ConfigurationError):
    """A mapping names what does not exist."""


class SourceError(HubError):
    """A department's system did not give what it owes."""


class SourceUnavailable(SourceError):
    """The system did not answer, or not in time."""

    retryable = True


class SourceRefused(SourceError):
    """The system answered that it does not let the hub in."""


class SourceChanged(SourceError):
    """The payload has another shape than the province's declaration says."""


class SubmissionError(HubError):
    """A sealed folder does not hold what its manifest says."""


class StateError(HubError):
    """A release, run or submission is not in the state that this needs."""


class StoreError(HubError):
    """The database or the landing zone failed."""

    @classmethod
    def of(cls, error: OSError, what: str = "", **place: str | None) -> Self:
        """Make an error from what the system says of a file or folder of the hub's own.

        The message ends with what the operator can do about it, where that is known. ``what``: the
        words before it.
        """
        path = f"{error.filename}: " if error.filename else ""
        advice = _ADVICE.get(error.errno or 0, "")
        return cls(f"{what}{path}{error.strerror or error}{advice}", **place)


_ADVICE = {
    errno.ENOSPC: ": free some room on its disk",
    errno.EDQUOT: ": give the hub's user more room",
    errno.EROFS: ": let its file system be written to",
    errno.EACCES: ": give it to the hub's user",
    errno.EPERM: ": give it to the hub's user",
}


class AccessError(HubError):
    """Whoever asked may not have this."""


class DeliveryError(HubError):
    """A release did not reach its recipient."""


class DeliveryUnavailable(DeliveryError):
    """The recipient did not answer, or not in time."""

    retryable = True


class DeliveryRefused(DeliveryError):
    """The recipient answered, and said no."""


def _classes_below(cls: type[HubError]) -> dict[str, type[HubError]]:
    """Return a class of errors and all its subclasses by their names."""
    classes = {cls.__name__: cls}
    for subclass in cls.__subclasses__():
        classes |= _classes_below(subclass)
    return classes


def from_dict(fields: dict[str, object]) -> HubError:
    """Make the error that :meth:`HubError.as_dict` wrote in another process.

    A class that is not known here becomes HubError. Only the places of PLACES are taken.
    """
    cls = _classes_below(HubError).get(str(fields.get("error")), HubError)
    place = fields.get("place")
    known_places = (
        {name: place[name] for name in PLACES if name in place} if isinstance(place, dict) else {}
    )
    return cls(str(fields.get("message")), **known_places)
