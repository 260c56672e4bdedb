from enum import StrEnum

class RefundStatus(StrEnum):
    FAILED = "failed"
    PENDING = "pending"
    PROCESSED = "processed"

    def __str__(self) -> str:
        return str(self.value)
