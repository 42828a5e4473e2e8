"""Writing to the audit log: in the transaction of the change, or not at all."""

from audit.services.record import CIPHERTEXT, DENIED, record, record_denied

__all__ = ["CIPHERTEXT", "DENIED", "record", "record_denied"]
