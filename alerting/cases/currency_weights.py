"""Comparable values of amounts in different currencies, for the order of cases alone.

Amounts are stored, shown and summed in their own currency. To rank a case of 900,000 won beside one
of 20,000 yuan the queue needs their sizes on one scale; a rate that is ten per cent off moves a case
by less than the seconds between two refreshes do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from forewarn.platform.money import minor_digits

YUAN_RATES: Mapping[str, float] = {
    "CNY": 1.0, "HKD": 0.92, "MOP": 0.89, "TWD": 0.23, "JPY": 0.048, "KRW": 0.0052, "SGD": 5.5,
    "MYR": 1.7, "THB": 0.22, "VND": 0.00028, "IDR": 0.00044, "PHP": 0.125, "KHR": 0.0018, "MMK": 0.0034,
    "LAK": 0.00033, "INR": 0.084, "BDT": 0.06, "PKR": 0.026, "LKR": 0.024, "NPR": 0.052, "KZT": 0.0135,
    "MNT": 0.002, "RUB": 0.085, "UAH": 0.17, "TRY": 0.18, "AED": 1.95, "SAR": 1.9, "KWD": 23.3, "BHD": 19.0,
    "ILS": 2.05, "EGP": 0.145, "NGN": 0.0047, "KES": 0.055, "ZAR": 0.4, "USD": 7.2, "CAD": 5.2, "MXN": 0.38,
    "BRL": 1.3, "ARS": 0.006, "EUR": 8.2, "GBP": 9.6, "CHF": 8.8, "SEK": 0.74, "NOK": 0.7, "DKK": 1.1,
    "PLN": 1.95, "CZK": 0.33, "HUF": 0.021, "AUD": 4.7, "NZD": 4.3,
}  # fmt: skip
"""Yuan for one unit of a currency, rounded in mid 2025; no amount is converted with them."""


@dataclass(frozen=True, slots=True)
class CurrencyWeights:
    """Weighs minor units of a currency in minor units of the reference.

    ``rates`` are a tenant's own: units of the reference for one unit of the currency; ``*`` stands for
    every tenant. What neither names has the built-in rate, and an unknown currency counts as the reference.
    """

    reference: str = "CNY"
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def weight(self, tenant: str, currency: str) -> float:
        """The value of one minor unit, in minor units of the reference."""
        if currency == self.reference:
            return 1.0
        rate = self._rate(tenant, currency)
        return float(rate * 10.0 ** (minor_digits(self.reference) - minor_digits(currency)))

    def _rate(self, tenant: str, currency: str) -> float:
        for name in (tenant, "*"):
            found = self.rates.get(name, {}).get(currency)
            if found is not None:
                return found
        return YUAN_RATES.get(currency, 1.0) / YUAN_RATES.get(self.reference, 1.0)
