from enum import StrEnum

class Verification(StrEnum):
    ALWAYS = "always"
    WHEN_REQUIRED = "when_required"

    def __str__(self) -> str:
        return str(self.value)
