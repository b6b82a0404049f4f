"""Deliver: send a release to its recipient, whose answer is the receipt."""

from __future__ import annotations

from typing import BinaryIO

from hub_core.contracts import Sink
from hub_core.errors import StateError
from hub_core.model.exchange import Receipt


def deliver(sink: Sink, delivery: str, file: BinaryIO, media_type: str, attempts: int) -> Receipt:
    """Send a document so that it takes effect once, and return the recipient's receipt.

    Before anything is sent again, a recipient that can be asked is asked whether it arrived.
    ``attempts``: how often it was sent before. Raises DeliveryUnavailable and DeliveryRefused.
    Raises StateError where it was sent before and the recipient can neither be asked nor recognise
    our id.
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
