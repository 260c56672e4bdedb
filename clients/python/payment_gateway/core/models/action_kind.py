from enum import StrEnum

class ActionKind(StrEnum):
    CONFIRM_ORDER = "confirm_order"
    REDIRECT = "redirect"
    STRIPE_SDK = "stripe_sdk"

    def __str__(self) -> str:
        return str(self.value)
