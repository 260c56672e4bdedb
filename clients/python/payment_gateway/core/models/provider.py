from enum import StrEnum

class Provider(StrEnum):
    PAYPAL = "paypal"
    STRIPE = "stripe"

    def __str__(self) -> str:
        return str(self.value)
