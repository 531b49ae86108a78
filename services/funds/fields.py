"""Field types of the requests of funds."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from shared.money import AmountInvalid
from shared.web.fields import Money


def _above_zero(amount: Decimal) -> Decimal:
    if not amount:
        raise PydanticCustomError(
            AmountInvalid.code, "金额须大于零。", {"en": "The amount must be above zero."}
        )
    return amount


PositiveMoney = Annotated[Money, AfterValidator(_above_zero)]
"""Yuan above zero; AMOUNT_INVALID, AMOUNT_NEGATIVE."""
