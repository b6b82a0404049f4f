"""Deliver: a release to its recipient, whose answer is the receipt."""

from __future__ import annotations

from typing import BinaryIO

from hub_core.contracts import Sink
from hub_core.errors import StateError
from hub_core.model.exchange import Receipt


def deliver(sink: Sink, delivery: str, file: BinaryIO, media_type: str, attempts: int) -> Receipt:
    """Send a document, with effect once: a recipient that can be asked is asked before anything is sent again.

    ``attempts`` says how often it was sent before. Raises DeliveryUnavailable, DeliveryRefused, and
    StateError where an earlier answer is in doubt and the recipient knows neither our id nor a
    question.
    """
    if attempts and sink.askable:
        receipt = sink.ask(delivery)
        if receipt is not None:
            return receipt
    elif attempts and not sink.idempotent:
        raise StateError(
            f"delivery {delivery[:12]} may have arrived: ask the recipient before it is sent again"
        )
    file.seek(0)
    return sink.send(delivery, file, media_type)
