from enum import StrEnum

class Status(StrEnum):
    AUTHORIZED = "authorized"
    CANCELED = "canceled"
    CAPTURED = "captured"
    COMPLETED = "completed"
    FAILED = "failed"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"

    def __str__(self) -> str:
        return str(self.value)
