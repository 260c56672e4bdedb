from enum import StrEnum

class Verdict(StrEnum):
    LOST = "lost"
    OTHER = "other"
    PREVENTED = "prevented"
    WITHDRAWN = "withdrawn"
    WON = "won"

    def __str__(self) -> str:
        return str(self.value)
