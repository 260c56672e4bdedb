from enum import StrEnum

class ActionKind(StrEnum):
    REDIRECT = "redirect"

    def __str__(self) -> str:
        return str(self.value)
