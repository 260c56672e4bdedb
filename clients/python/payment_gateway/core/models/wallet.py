from enum import StrEnum

class Wallet(StrEnum):
    APPLE_PAY = "apple_pay"
    GOOGLE_PAY = "google_pay"

    def __str__(self) -> str:
        return str(self.value)
