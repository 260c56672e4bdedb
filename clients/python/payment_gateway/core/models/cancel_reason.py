from enum import StrEnum

class CancelReason(StrEnum):
    AT_PROVIDER = "at_provider"
    EXPIRED = "expired"

    def __str__(self) -> str:
        return str(self.value)
