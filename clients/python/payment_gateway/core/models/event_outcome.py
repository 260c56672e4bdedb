from enum import StrEnum

class EventOutcome(StrEnum):
    FAILURE = "failure"
    OTHER = "other"
    PENDING = "pending"
    SUCCESS = "success"

    def __str__(self) -> str:
        return str(self.value)
